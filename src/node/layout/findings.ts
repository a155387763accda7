import type { CreateHasher } from '../../digest/index.js';
import { isImageError } from '../../errors/index.js';
import type { LayoutFileSystem } from '../files/file-system.js';
import type { LayoutPaths } from './places.js';

/**
 * What can be wrong with a layout.
 *
 * - `LAYOUT_UNREADABLE`: there is no directory, or a part of it cannot be read
 * - `MARKER_INVALID`: `oci-layout` is missing, or does not say that this is a layout of version 1.0.0
 * - `INDEX_INVALID`: `index.json` is missing, or is not an image index
 * - `NAME_REPEATED`: a name occurs twice; tools differ in which entry they take
 * - `FILE_UNKNOWN`: something in the layout is neither part of it nor in `ingest/`
 * - `BLOB_NOT_A_FILE`: a link, directory or device stands where a blob should be
 * - `BLOB_CORRUPT`: a blob is not the content that its name says
 * - `CONTENT_MISSING`: a descriptor names content that is not there
 * - `CONTENT_ELSEWHERE`: the same, but the content is a layer that registries do not hand out
 * - `CONTENT_SIZE`: a descriptor has another size than the content
 * - `CONTENT_UNREFERENCED`: nothing in `index.json` leads to a blob
 * - `DOCUMENT_INVALID`: a manifest, index or config is not one
 * - `NESTING_TOO_DEEP`: indexes are nested beyond what any tool follows
 * - `LAYERS_MISCOUNTED`: a config tells of more or fewer layers than the manifest has
 * - `LAYER_INVALID`: a layer cannot be unpacked
 * - `DIFF_ID_MISMATCH`: what is in a layer is not what the config says
 * - `LAYER_UNCHECKED`: this version of Node cannot unpack a layer, so its content was not held against the config
 *
 * @public
 */
export type LayoutFindingCode =
  | 'LAYOUT_UNREADABLE'
  | 'MARKER_INVALID'
  | 'INDEX_INVALID'
  | 'NAME_REPEATED'
  | 'FILE_UNKNOWN'
  | 'BLOB_NOT_A_FILE'
  | 'BLOB_CORRUPT'
  | 'CONTENT_MISSING'
  | 'CONTENT_ELSEWHERE'
  | 'CONTENT_SIZE'
  | 'CONTENT_UNREFERENCED'
  | 'DOCUMENT_INVALID'
  | 'NESTING_TOO_DEEP'
  | 'LAYERS_MISCOUNTED'
  | 'LAYER_INVALID'
  | 'DIFF_ID_MISMATCH'
  | 'LAYER_UNCHECKED';

/**
 * Something that is wrong with a layout, or worth knowing.
 *
 * @public
 */
export interface LayoutFinding {
  /** What is wrong, for programs. */
  readonly code: LayoutFindingCode;
  /** An `error` makes content or a name useless; a `warning` is probably not meant; an `info` is worth knowing. */
  readonly severity: 'error' | 'warning' | 'info';
  /** A file of the layout, and the field in it if there is one: `index.json#manifests[2]`. */
  readonly place: string;
  /** What is wrong there. */
  readonly message: string;
}

const MILD: ReadonlyMap<LayoutFindingCode, LayoutFinding['severity']> = /* @__PURE__ */ new Map<
  LayoutFindingCode,
  LayoutFinding['severity']
>([
  ['NAME_REPEATED', 'warning'],
  ['FILE_UNKNOWN', 'warning'],
  ['CONTENT_ELSEWHERE', 'info'],
  ['CONTENT_UNREFERENCED', 'info'],
  ['LAYER_UNCHECKED', 'info'],
]);

/** A hostile layout can have more faults than anybody reads. */
const MAX_FINDINGS = 10_000;

/** Takes findings down. */
interface Findings {
  readonly list: readonly LayoutFinding[];
  add(code: LayoutFindingCode, place: string, message: string): void;
}

export function createFindings(): Findings {
  const list: LayoutFinding[] = [];
  return {
    list,
    add(code, place, message) {
      if (list.length < MAX_FINDINGS) list.push({ code, severity: MILD.get(code) ?? 'error', place, message });
    },
  };
}

/** What the checks of one layout share. */
export interface Validation {
  readonly fs: LayoutFileSystem;
  readonly paths: LayoutPaths;
  readonly createHasher: CreateHasher;
  readonly signal: AbortSignal | undefined;
  readonly unpack: boolean;
  readonly findings: Findings;
}

/** What a step gives; when it fails with an error of ours, that becomes a finding. */
export async function attempt<T>(
  findings: Findings,
  code: LayoutFinding['code'],
  place: string,
  step: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await step();
  } catch (error) {
    if (!isImageError(error)) throw error;
    findings.add(code, place, error.message);
    return undefined;
  }
}
