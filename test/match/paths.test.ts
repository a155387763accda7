import { describe, expect, it } from 'vitest';
import { createKeyring } from 'kubepull/keyring';
import { matchImage } from 'kubepull/match';
import { createSecret } from 'kubepull/docker-config';
import { imageNamed } from '../support/image-name.ts';

/** Whether a key serves an image when paths are compared as plain text, as kubelet does, and by segment. */
const PAIRS: readonly (readonly [key: string, image: string, prefix: boolean, segment: boolean])[] = [
  ['r.io/team', 'r.io/team', true, true],
  ['r.io/team', 'r.io/team/app', true, true],
  ['r.io/team', 'r.io/team/app/sub', true, true],
  ['r.io/team', 'r.io/team-evil', true, false],
  ['r.io/team', 'r.io/team-evil/app', true, false],
  ['r.io/team', 'r.io/team.evil/app', true, false],
  ['r.io/team', 'r.io/team_evil/app', true, false],
  ['r.io/team', 'r.io/team2', true, false],
  ['r.io/team', 'r.io/teams', true, false],
  ['r.io/team', 'r.io/teams/team', true, false],
  ['r.io/team', 'r.io/team--/app', true, false],
  ['r.io/team', 'r.io/tea', false, false],
  ['r.io/team', 'r.io/other', false, false],
  ['r.io/team', 'r.io/other/team', false, false],
  ['r.io/team', 'r.io/x/team/app', false, false],
  ['r.io/team', 'r.io', false, false],
  ['r.io/team/', 'r.io/team/app', true, true],
  ['r.io/team/', 'r.io/team', false, false],
  ['r.io/team/', 'r.io/team-evil/app', false, false],
  ['r.io/team/app', 'r.io/team/app', true, true],
  ['r.io/team/app', 'r.io/team/app/sub', true, true],
  ['r.io/team/app', 'r.io/team/app2', true, false],
  ['r.io/team/app', 'r.io/team/ap', false, false],
  ['r.io/team/ap', 'r.io/team/app', true, false],
  ['r.io/t', 'r.io/team', true, false],
  ['r.io/t', 'r.io/t/eam', true, true],
  ['r.io', 'r.io/team', true, true],
  ['r.io', 'r.io/team/app', true, true],
  ['r.io/', 'r.io/team', true, true],
  ['https://r.io/team', 'r.io/team/app', true, true],
  ['https://r.io/team', 'r.io/team-evil', true, false],
  ['r.io:5000/team', 'r.io:5000/team/app', true, true],
  ['r.io:5000/team', 'r.io:5000/team-evil', true, false],
  ['r.io:5000/team', 'r.io/team/app', false, false],
  ['*.io/team', 'r.io/team/app', true, true],
  ['*.io/team', 'r.io/team-evil', true, false],
  ['r*.io/team', 'r2.io/team2', true, false],
  ['r.io/a/b', 'r.io/a/b/c', true, true],
  ['r.io/a/b', 'r.io/a/bc', true, false],
  ['r.io/a/b', 'r.io/a', false, false],
  ['10.0.0.1/team', '10.0.0.1/team/app', true, true],
  ['10.0.0.1/team', '10.0.0.1/team-evil', true, false],
];

describe('the path of a key [A27]', () => {
  it('is compared in both ways in forty pairs', () => {
    expect(PAIRS.length).toBeGreaterThanOrEqual(40);
  });

  it.each(PAIRS)('%s and %s: as text %s, by segment %s', (key, image, prefix, segment) => {
    expect(matchImage(key, imageNamed(image)).matched).toBe(prefix);
    expect(matchImage(key, imageNamed(image), { pathMatch: 'prefix' }).matched).toBe(prefix);
    expect(matchImage(key, imageNamed(image), { pathMatch: 'segment' }).matched).toBe(segment);
    const credential = {
      username: 'u',
      password: createSecret('p'),
      identityToken: undefined,
      registryToken: undefined,
      email: undefined,
    };
    const entries = [{ pattern: key, credential, source: { kind: 'inline' } as const }];
    expect(createKeyring(entries).lookup(imageNamed(image)).candidates).toHaveLength(prefix ? 1 : 0);
    expect(createKeyring(entries, { pathMatch: 'segment' }).lookup(imageNamed(image)).candidates).toHaveLength(
      segment ? 1 : 0,
    );
  });
});
