import { CONFIG_TARGETS } from './configs.ts';
import { IMAGE_TARGETS } from './images.ts';
import { json } from './json.ts';
import { NETWORK_TARGETS } from './network.ts';
import { OBJECT_TARGETS } from './objects.ts';
import type { Target } from './target.ts';
import { WORD_TARGETS } from './words.ts';

/** All readers that the corpus and the fuzzer feed. */
export const TARGETS: readonly Target[] = [
  ...WORD_TARGETS,
  ...NETWORK_TARGETS,
  json,
  ...CONFIG_TARGETS,
  ...IMAGE_TARGETS,
  ...OBJECT_TARGETS,
];
