import { type DockerConfig, parseDockerConfig } from '../../docker-config/index.js';
import { InvalidConfigError } from '../../errors/index.js';
import { decodeBase64, decodeUtf8, encodeUtf8, readJson } from '../../internal/index.js';
import { type DocumentContext, type DocumentFormat, entriesPlace, lintMembers } from './members.js';
import { lintImage } from './image.js';
import { lintRelations } from './relations.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Every finding of a document: of its parts in their order, then of entries beside each other, then of the image.
 */
export function* lintDocument(json: string | Uint8Array, context: DocumentContext): Generator<LintFinding> {
  const { place, format, image } = context;
  const text = typeof json === 'string' ? json : decodeUtf8(json);
  if (encodeUtf8(text).length > MAX_BYTES) {
    return yield finding('DOCUMENT_UNREADABLE', place, 'The document is larger than 4 MiB');
  }
  const result = readJson(json);
  if (!result.ok) return yield lintNoJson(text, hideCharacter(result.upstream), result.offset, place);
  yield* lintMembers(result.node, context);
  const config = readEntries(json, format);
  if (typeof config === 'string') return yield finding('DOCUMENT_UNREADABLE', place, `It has ${config}`);
  const { entries, skipped } = config;
  const root = entriesPlace(context);
  yield* lintRelations(entries, root);
  const spoilt = skipped.map(({ pattern }) => pattern);
  if (image !== undefined) yield* lintImage(entries, image, root, spoilt);
}

/** Go quotes the character at fault, which may be one of a secret. */
function hideCharacter(upstream: string): string {
  return upstream.replace(/^(invalid character) '.+?' /, '$1 ');
}

function lintNoJson(text: string, reason: string, offset: number, place: string): LintFinding {
  if (text.startsWith('\ufeff')) return finding('DOCUMENT_HAS_BOM', place, 'Its first bytes are EF BB BF');
  if (isBase64Json(text)) return finding('DOCUMENT_IS_BASE64', place, 'Decoded it is a JSON object');
  return finding('DOCUMENT_UNREADABLE', place, `Go says: ${reason} (byte ${offset})`);
}

export function isBase64Json(text: string): boolean {
  const trimmed = text.trim();
  const bytes = decodeBase64(trimmed, trimmed.endsWith('='));
  return typeof bytes !== 'string' && /^\s*\{/.test(decodeUtf8(bytes.subarray(0, 64)));
}

type Entries = Pick<DockerConfig, 'entries' | 'skipped'>;

/** The entries, those that can be read and those that cannot; a text when there are too many. */
function readEntries(json: string | Uint8Array, format: DocumentFormat): Entries | string {
  try {
    return parseDockerConfig(json, { mode: 'lenient', format });
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    // Faults of types have their own findings.
    return error.upstream.startsWith('more than') ? error.upstream : { entries: [], skipped: [] };
  }
}
