// A webhook in the place of the API server's own plugins, beside what a real API server recorded.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { review } from 'kubepull/admission';
import type { PodLike, PodSpecLike } from 'kubepull/kubernetes';
import { patched, podOf, policiesOf } from '../transcripts/admission.ts';
import { patchedBy, reviewOf, updateOf } from './support.ts';

interface Case {
  readonly name?: string;
  readonly image?: string;
  readonly spec?: PodSpecLike;
  readonly before?: PodSpecLike;
  readonly after?: PodSpecLike;
  readonly real: Readonly<Record<string, unknown>>;
}

const casesOf = (name: string): readonly Case[] => {
  const file = new URL(`../transcripts/admission-${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly Case[] }).cases;
};

interface Admitted {
  readonly pod: PodLike;
  readonly message: string | undefined;
  readonly code: number | undefined;
}

/** Both webhooks, one after the other, as the API server asks its plugins. */
function admit(pod: PodLike, alwaysPullImages: boolean, oldPod?: PodLike): Admitted {
  const requestOf = (object: object): ReturnType<typeof reviewOf> =>
    oldPod === undefined ? reviewOf(object) : updateOf(oldPod, object);
  const first = requestOf(pod);
  const mutated = review(first, { phase: 'mutating', defaultPolicies: oldPod === undefined, alwaysPullImages });
  const admitted = patchedBy(first, mutated);
  const { response } = review(requestOf(admitted), { phase: 'validating', validatePolicies: true, alwaysPullImages });
  expect(response.allowed).toBe(response.status === undefined);
  return { pod: admitted, message: response.status?.message, code: response.status?.code };
}

const isPodPolicy = ({ spec = {} }: PodLike): readonly unknown[] => [
  ...(spec.initContainers ?? []).map(({ imagePullPolicy }) => imagePullPolicy),
  ...(spec.containers ?? []).map(({ imagePullPolicy }) => imagePullPolicy),
  ...(spec.volumes ?? []).map(({ image }) => image?.pullPolicy),
];

describe('review beside a real API server', () => {
  it.each(casesOf('defaults').map((one) => [one.image ?? '', one.real] as const))(
    'defaults %j as it did',
    (image, real) => {
      const containers = [{ name: 'a', image }];
      const initContainers = [{ name: 'i', image }];
      const { pod, message, code } = admit(
        podOf({ containers, initContainers, volumes: [{ name: 'v', image: { reference: image } }] }),
        false,
      );
      expect(message === undefined ? { policies: isPodPolicy(pod) } : { message }).toEqual(real);
      expect(code).toBe(message === undefined ? undefined : 422);
    },
  );

  it.each(casesOf('podValidation').map((one) => [JSON.stringify(one.spec), one] as const))(
    'validates %s as it did',
    (_, one) => {
      const { message } = admit(podOf(one.spec ?? {}), false);
      expect(message === undefined ? { accepted: true } : { message }).toEqual(one.real);
    },
  );

  it.each(casesOf('alwaysPull').map((one) => [JSON.stringify(one.spec), one] as const))(
    'forces the policies of %s',
    (_, one) => {
      const { pod, message } = admit(podOf(one.spec ?? {}), true);
      expect(message === undefined ? policiesOf(pod) : { message }).toEqual(one.real);
    },
  );

  it.each(casesOf('alwaysPullUpdate').map((one) => [one.name ?? '', one] as const))(
    'answers the update %s',
    (name, one) => {
      const stored = admit(podOf(one.before ?? {}, `u-${name}`), false).pod;
      const update = podOf(patched(stored.spec ?? {}, one.after ?? {}), `u-${name}`);
      const { pod, message } = admit(update, true, stored);
      // So much of a refusal is in the file; behind it the server lists all that would change.
      expect(message === undefined ? policiesOf(pod) : { refused: message.slice(0, 200) }).toEqual(one.real);
    },
  );
});
