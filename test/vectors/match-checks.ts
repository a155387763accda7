// Go's filepath.Match, and kubelet's comparison of patterns with images.
import { matchGlob, matchImages } from 'kubepull/match';
import { newest, type Outcome, text, type VectorCase } from './check.ts';
import { imageNamed } from '../support/image-name.ts';

export function checkGlob(vector: VectorCase): Outcome {
  const want = vector['err'] !== undefined ? 'bad-pattern' : vector['matched'] === true ? 'match' : 'no-match';
  return { want, got: matchGlob(text(vector, 'pattern'), text(vector, 'name')) };
}

/** URLsMatchStr takes both texts as they are; of its errors only counts whether there is one. */
export function checkUrlsMatch(vector: VectorCase): Outcome {
  const { matched, err } = newest(vector, 'matched');
  const result = matchImages([text(vector, 'glob')], imageNamed(text(vector, 'target')));
  const invalid = !result.matched && result.rejected.some(({ reason }) => reason.startsWith('invalid'));
  return { want: { matched, err: err !== undefined }, got: { matched: result.matched, err: invalid } };
}

export function checkMatchImages(vector: VectorCase): Outcome {
  const patterns = vector['matchImages'] as readonly string[];
  return { want: newest(vector, 'allowed')['allowed'], got: matchImages(patterns, imageNamed(text(vector, 'image'))).matched };
}
