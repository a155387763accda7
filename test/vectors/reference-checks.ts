// distribution/reference, and kubelet's and the API server's use of it.
import { InvalidReferenceError } from 'kubepull/errors';
import { defaultPullPolicy } from 'kubepull/pull-policy';
import {
  formatReference,
  joinDigest,
  parseAnyReference,
  parseCanonicalReference,
  parseDockerReference,
  parseImageName,
  parseRawName,
  parseRawReference,
  parseReference,
  trimReference,
  withDefaultTag,
  withTag,
} from 'kubepull/reference';
import { type Outcome, pick, plain, text, type VectorCase } from './check.ts';

/** Go's name for the failure class of each text. */
const GO_CLASSES: readonly (readonly [start: string, name: string])[] = [
  ['invalid reference format: repository name (', 'NameMustBeLowercase'],
  ['invalid reference format', 'ErrReferenceInvalidFormat'],
  ['invalid repository name (', 'Identifier64Hex'],
  ['repository name must be lowercase', 'ErrNameContainsUppercase'],
  ['repository name must have at least one component', 'ErrNameEmpty'],
  ['repository name must not be more than', 'ErrNameTooLong'],
  ['repository name must be canonical', 'ErrNameNotCanonical'],
  ['invalid checksum digest format', 'digest.ErrDigestInvalidFormat'],
  ['invalid checksum digest length', 'digest.ErrDigestInvalidLength'],
  ['unsupported digest algorithm', 'digest.ErrDigestUnsupported'],
  ['invalid tag format', 'ErrTagInvalidFormat'],
  ['invalid digest format', 'ErrDigestInvalidFormat'],
];

function goClass(upstream: string): string {
  return GO_CLASSES.find(([start]) => upstream.startsWith(start))?.[1] ?? upstream;
}

function attempt(use: () => VectorCase, failed: (upstream: string) => VectorCase): VectorCase {
  try {
    return plain(use());
  } catch (error) {
    if (error instanceof InvalidReferenceError) return failed(error.upstream);
    throw error;
  }
}

export function checkReference(vector: VectorCase): Outcome {
  const input = text(vector, 'in');
  const main = attempt(
    () => {
      const ref = parseReference(input);
      return {
        ok: true,
        ...pick(ref, 'domain', 'path', 'name', 'tag', 'digest'),
        familiarName: formatReference(trimReference(ref), 'familiar'),
        familiarString: formatReference(ref, 'familiar'),
        string: formatReference(ref),
        tagNameOnly: formatReference(withDefaultTag(ref)),
      };
    },
    (upstream) => ({ ok: false, err: goClass(upstream), msg: upstream }),
  );
  const any = attempt(
    () => {
      const found = parseAnyReference(input);
      if (found.kind === 'digest') return { any: found.digest, anyKind: 'digest' };
      return { any: formatReference(found.reference), anyKind: 'named' };
    },
    (upstream) => ({ anyErr: goClass(upstream) }),
  );
  const docker = attempt(
    () => ({ dockerRef: formatReference(parseDockerReference(input)) }),
    (upstream) => ({ dockerRefErr: goClass(upstream) }),
  );
  return { want: vector, got: { in: input, ...main, ...any, ...docker } };
}

export function checkReferenceOperation(vector: VectorCase): Outcome {
  const [op, input, arg] = [text(vector, 'op'), text(vector, 'in'), text(vector, 'arg')];
  const got = attempt(
    () => ({ ok: true, out: operate(op, input, arg) }),
    (upstream) => ({ ok: false, err: goClass(upstream) }),
  );
  return { want: pick(vector, 'ok', 'out', 'err'), got };
}

function operate(op: string, input: string, arg: string): string {
  switch (op) {
    case 'parse':
      return formatReference(parseRawReference(input));
    case 'parseNamed':
      return formatReference(parseCanonicalReference(input));
    case 'withName':
      return formatReference(parseRawName(input));
    case 'withTag':
      return formatReference(withTag(parseReference(input), arg));
    case 'withDigest':
      return joinDigest(input, arg);
    case 'trimNamed':
      return formatReference(trimReference(parseReference(input)));
    default:
      throw new Error(`Unknown operation ${op}`);
  }
}

export function checkImageName(vector: VectorCase): Outcome {
  const input = text(vector, 'in');
  const name = attempt(
    () => {
      const { name: repo, tag, digest } = parseImageName(input);
      return { ok: true, repo, tag, digest };
    },
    (upstream) => ({ ok: false, err: upstream }),
  );
  const want = pick(vector, 'ok', 'repo', 'tag', 'digest', 'pullPolicy', 'err');
  return { want, got: { ...name, pullPolicy: defaultPullPolicy(input) } };
}
