/** What the command line uses besides, and users do not need. */
export { readYamlDocuments, YamlFault } from './kubelet/yaml.js';
