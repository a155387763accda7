import { cannotUnmarshal, eachMember, goKind, type JsonNode, matchField } from '../internal/index.js';

type EntryField = 'username' | 'password' | 'email' | 'auth' | 'identitytoken' | 'registrytoken';

/** The fields of an entry that were given, by their JSON name. */
export type EntryFields = Readonly<Partial<Record<EntryField, string>>>;

const KUBELET_FIELDS: readonly EntryField[] = ['username', 'password', 'email', 'auth'];
const DOCKER_FIELDS: readonly EntryField[] = [...KUBELET_FIELDS, 'identitytoken', 'registrytoken'];

/** The structs that a document is read into; their names show in Go's errors. */
export interface Dialect {
  readonly fields: readonly EntryField[];
  readonly document: string;
  readonly auths: string;
  readonly entry: string;
  /** What stands for the struct in the error of an entry, and in that of one of its fields. */
  readonly entryPlace: string | undefined;
  readonly fieldPlace: string;
}

const ENTRY = 'dockerConfigEntryWithAuth';
const PACKAGE = 'credentialprovider.';

/** `config.json` as kubelet reads it. */
export const CONFIG_JSON: Dialect = {
  fields: KUBELET_FIELDS,
  document: `${PACKAGE}DockerConfigJSON`,
  auths: `${PACKAGE}DockerConfig`,
  entry: PACKAGE + ENTRY,
  entryPlace: 'DockerConfigJSON.auths',
  fieldPlace: 'DockerConfigJSON.auths',
};

/** `.dockercfg`: the same entries without the level `auths`, so Go knows no outer struct to name. */
export const DOCKERCFG: Dialect = {
  ...CONFIG_JSON,
  document: CONFIG_JSON.auths,
  entryPlace: undefined,
  fieldPlace: ENTRY,
};

/** `config.json` as Docker reads it. */
export const DOCKER: Dialect = {
  fields: DOCKER_FIELDS,
  document: 'configfile.ConfigFile',
  auths: 'map[string]types.AuthConfig',
  entry: 'types.AuthConfig',
  entryPlace: 'ConfigFile.auths',
  fieldPlace: 'AuthConfig.auths',
};

/**
 * Reads an entry as Go decodes a struct of strings; a `string` is Go's text for the first wrong type.
 *
 * @param other - is told of a member that is none of the fields
 */
export function decodeEntry(
  node: JsonNode,
  dialect: Dialect,
  other: (key: string, value: JsonNode) => void,
): EntryFields | string {
  const fields: Partial<Record<EntryField, string>> = {};
  let fault: string | undefined;
  if (node.kind === 'null') return fields;
  if (node.kind !== 'object') return cannotUnmarshal(goKind(node), dialect.entry, dialect.entryPlace);
  eachMember(node, (key, value) => {
    const name = matchField(key, dialect.fields);
    if (name === undefined) other(key, value);
    else if (value.kind === 'string') fields[name] = value.value;
    else if (value.kind !== 'null') fault ??= cannotUnmarshal(goKind(value), 'string', `${dialect.fieldPlace}.${name}`);
  });
  return fault ?? fields;
}

/** Go's text for what is no object of strings; `null` stands for an empty one. */
export function stringsFault(node: JsonNode, place: string): string | undefined {
  if (node.kind === 'null') return undefined;
  if (node.kind !== 'object') return cannotUnmarshal(goKind(node), 'map[string]string', place);
  let fault: string | undefined;
  eachMember(node, (_, value) => {
    if (value.kind !== 'string' && value.kind !== 'null') fault ??= cannotUnmarshal(goKind(value), 'string', place);
  });
  return fault;
}
