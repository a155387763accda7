import { describe, expect, it } from 'vitest';
import { type Case, CASES, type Check, inputWith } from './case.ts';
import { CLOUD_CHECKS } from './cloud-checks.ts';
import { checkDocker } from './docker-checks.ts';
import { checkImage } from './image-checks.ts';
import { POD_CHECKS } from './pod-checks.ts';
import { checkSecret } from './secret-checks.ts';

function checkOf({ kind, input }: Case): Check | undefined {
  if (inputWith(input, 'image', 'dockerconfig') !== undefined) return checkSecret;
  if (inputWith(input, 'image', 'config') !== undefined) return checkDocker;
  return kind === 'image reference' ? checkImage : (POD_CHECKS[kind] ?? CLOUD_CHECKS[kind]);
}

describe('the cases of public reports', () => {
  it('are 53, and none is left out', () => {
    expect(CASES).toHaveLength(53);
    expect(CASES.filter((one) => checkOf(one) === undefined)).toEqual([]);
  });

  it.each(CASES)('$id: $kind', async (one) => {
    await checkOf(one)?.(one);
  });
});
