import type { KeyLintCode } from './codes.js';
import type { RuleTable } from './table.js';

export const KEY_RULES: RuleTable<KeyLintCode> = {
  KEY_WITHOUT_HOST: {
    severity: 'error',
    title: 'The key has no host and never matches',
    cure: 'Write the host of the registry',
  },
  KEY_SCHEME_CASE: {
    severity: 'error',
    title: 'The scheme has an upper-case letter, so it is read as a host and never matches',
    cure: 'Write the scheme in lower case, or leave it out',
  },
  KEY_SCHEME_UNKNOWN: {
    severity: 'error',
    title: 'The scheme is not http or https, so it is read as a host and never matches',
    cure: 'Leave the scheme out',
  },
  KEY_PLACEHOLDER: {
    severity: 'error',
    title: 'The key has a variable or a template in it that was not filled in',
    cure: 'Fill in the value before the document is written',
  },
  KEY_HAS_SPACE: {
    severity: 'error',
    title: 'The key has white space and never matches',
    cure: 'Remove the white space',
  },
  KEY_HAS_USER_INFO: {
    severity: 'warning',
    title: 'The key has user info, which is not used, and which a key does not hide',
    cure: 'Move user name and password into the entry, and change the password if the key was shown anywhere',
  },
  KEY_CUT_SHORT: {
    severity: 'warning',
    title: 'The key ends at a ? or #, as a URL does before query or fragment',
    cure: 'Use * as the only wildcard, and remove queries and fragments',
  },
  KEY_IPV6_NEEDS_BRACKETS: {
    severity: 'error',
    title: 'The key is an IPv6 address without brackets, and is dropped',
    cure: 'Write the address in brackets, with the port, in the key and in the image',
  },
  KEY_IPV6_NEEDS_PORT: {
    severity: 'error',
    title: 'The key is an IPv6 address without port, whose brackets are read as a character class',
    cure: 'Write the port in the key and in the image',
  },
  KEY_GLOB_UNSUPPORTED: {
    severity: 'error',
    title: 'The key has a wildcard that is not allowed in a URL, and is dropped',
    cure: 'Use * as the only wildcard, or write one key for each host',
  },
  KEY_GLOB_IN_PATH: {
    severity: 'error',
    title: 'The key has a wildcard in its path, where it stands for itself and never matches',
    cure: 'End the key before the wildcard: a path is a prefix anyway',
  },
  KEY_DROPPED: {
    severity: 'error',
    title: 'The key is no URL, so the entry is dropped',
    cure: 'Write host, port and path, such as r.example:5000/team',
  },
  KEY_DOCKER_HUB_PATH: {
    severity: 'error',
    title: 'The key is index.docker.io with a path, which is never used',
    cure: 'Write https://index.docker.io/v1/ with its last slash; for one organisation write docker.io/name',
  },
  KEY_DOCKER_HUB_ALIAS: {
    severity: 'warning',
    title: 'The key is a host of Docker Hub that images of Docker Hub are not looked up by',
    cure: 'Write https://index.docker.io/v1/, or docker.io with the path',
  },
  KEY_API_PATH: {
    severity: 'warning',
    title: 'The path is /v1 or /v2 without a last slash, so it is taken for the beginning of a repository',
    cure: 'Remove the path, or write it with a last slash',
  },
  KEY_PATH_IMPOSSIBLE: {
    severity: 'error',
    title: 'The path is not the beginning of any repository',
    cure: 'Write a repository or the beginning of one: lower case, no tag, no digest',
  },
  KEY_HOST_IMPOSSIBLE: {
    severity: 'error',
    title: 'The host is not the registry of any image',
    cure: 'Write a host with a dot or a port; a name without either is an organisation of Docker Hub',
  },
  KEY_HOST_CASE: {
    severity: 'warning',
    title: 'The host has an upper-case letter, and case counts',
    cure: 'Write the host as the images have it, which is lower case as a rule',
  },
  KEY_DEFAULT_PORT: {
    severity: 'warning',
    title: 'The key has the default port, so it matches only images that are written with this port',
    cure: 'Leave the port out unless the images have it',
  },
  KEY_GLOB_TOO_BROAD: {
    severity: 'warning',
    title: 'The wildcard covers registries of other owners, who are then shown the password',
    cure: 'Write at least the registered domain, such as *.example.com',
  },
  KEY_GLOB_WITHOUT_DOT: {
    severity: 'warning',
    title: 'The wildcard touches the domain: it covers no subdomain, but foreign domains that end the same',
    cure: 'Write a dot behind the wildcard, and one key more for the domain itself',
  },
  KEY_PREFIX_BROAD: {
    severity: 'warning',
    title: 'The path has no last slash, so it also serves longer names that begin the same',
    cure: 'End the path with a slash if it is a directory; for a single repository, know that its namesakes are served too',
  },
  KEY_TRAILING_SLASH: {
    severity: 'info',
    title: 'The path ends with a slash, so it serves what lies below and not the repository of that name',
    cure: 'Leave it as it is for a directory; remove the slash for a repository',
  },
  KEY_REPEATED: {
    severity: 'warning',
    title: 'The document has the key more than once, and the last entry replaces the others',
    cure: 'Remove the entries that are not used',
  },
  KEY_SAME_NORMAL_FORM: {
    severity: 'warning',
    title: 'Two keys are the same to kubelet, which tries them in no fixed order',
    cure: 'Keep one of them; for several credentials in a fixed order use several secrets',
  },
  KEY_PORT_DIFFERS: {
    severity: 'warning',
    title: 'Only the port differs from that of the image; none is assumed',
    cure: 'Write the same port in both, or in neither',
  },
  KEY_LABEL_COUNT: {
    severity: 'warning',
    title: 'The host has another number of labels than that of the image',
    cure: 'Write one * for each label of the subdomain: a wildcard does not span dots',
  },
  KEY_PATH_DIFFERS: {
    severity: 'warning',
    title: 'Only the path differs from that of the image',
    cure: 'Write the beginning of the full repository; single names of Docker Hub are in library/',
  },
  KEY_CASE_DIFFERS: {
    severity: 'warning',
    title: 'Only the case of the host differs from that of the image, and case counts',
    cure: 'Write the host in lower case in the image and in the key, as registries have it',
  },
  CREDENTIAL_REPEATED: {
    severity: 'info',
    title: 'The same credential stands under a key and under one below it, and is tried twice',
    cure: 'Keep the shorter key',
  },
  DOCKER_HUB_ENTRY_HIDDEN: {
    severity: 'warning',
    title: 'Another key matches images of Docker Hub, so the entry for index.docker.io is not tried for them',
    cure: 'Put the credential under the other key as well, or narrow that key',
  },
  DOCKER_HUB_OFFERED_ELSEWHERE: {
    severity: 'warning',
    title: 'The credential of Docker Hub is offered to another registry, because its host has no dot and no port',
    cure: 'Write the port in the image, such as localhost:80/app, or use docker.io as the key',
  },
  IMAGE_NOT_COVERED: {
    severity: 'warning',
    title: 'No entry matches the image, so it is pulled without credential',
    cure: 'Add an entry for the registry of the image',
  },
};
