import { type Digest, isDigest, parseDigest } from 'kubepull/digest';
import {
  createSecret,
  type Credential,
  type CredentialSource,
  type DockerConfigEntry,
  type Secret,
} from 'kubepull/docker-config';
import type { Keyring, LookupResult, StaticKeyring } from 'kubepull/keyring';
import type { Descriptor, ImageIndex } from 'kubepull/oci';
import type { PullEvent, PullOptions } from 'kubepull/puller';
import { matchImage, matchImages } from 'kubepull/match';
import { type ImageName, type ImageReference, parseImageName, parseReference } from 'kubepull/reference';
import { expectTypeOf } from 'vitest';

const text = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

// A digest is text that was checked, and no other text.
expectTypeOf<Digest>().toExtend<string>();
expectTypeOf(parseDigest(text)).toEqualTypeOf<Digest>();
expectTypeOf(text).not.toExtend<Digest>();
// @ts-expect-error A literal was not checked.
export const unchecked: Digest = text;
export function checked(value: unknown): void {
  if (isDigest(value)) expectTypeOf(value).toEqualTypeOf<Digest>();
}

// A secret comes from `createSecret`; an object that looks like one is refused, and so is the text itself.
expectTypeOf(createSecret('x')).toEqualTypeOf<Secret>();
expectTypeOf<{ reveal(): string; toString(): string; toJSON(): string }>().not.toExtend<Secret>();
expectTypeOf<string>().not.toExtend<Secret>();
expectTypeOf<Secret>().not.toExtend<string>();
expectTypeOf<Credential['password']>().toEqualTypeOf<Secret>();

// What we return is deeply read-only.
export function readOnly(
  reference: ImageReference,
  entry: DockerConfigEntry,
  lookup: LookupResult,
  index: ImageIndex,
): void {
  // @ts-expect-error A reference is not edited.
  reference.tag = 'latest';
  // @ts-expect-error An entry is not edited.
  entry.pattern = '*';
  // @ts-expect-error A credential is not edited.
  entry.credential.password = createSecret('x');
  // @ts-expect-error The order of the candidates is the answer.
  lookup.candidates.reverse();
  // @ts-expect-error A document is what the registry sent.
  index.manifests.pop();
}

// Absent parts of our values are there as undefined; none may be missing.
expectTypeOf<ImageReference['tag']>().toEqualTypeOf<string | undefined>();
expectTypeOf<Omit<ImageReference, 'tag'>>().not.toExtend<ImageReference>();

// A source is told apart by its kind.
export function place(source: CredentialSource): void {
  if (source.kind === 'file') expectTypeOf(source.path).toBeString();
  if (source.kind === 'anonymous') expectTypeOf(source).toEqualTypeOf<{ readonly kind: 'anonymous' }>();
}

// An event is told apart by its type.
export function follow(event: PullEvent): void {
  if (event.type === 'blob') expectTypeOf(event.descriptor).toEqualTypeOf<Descriptor>();
  if (event.type === 'pulled') expectTypeOf(event.image.imageRef).toBeString();
}

// A keyring with fixed entries answers at once, and fits where any keyring does.
expectTypeOf<ReturnType<StaticKeyring['lookup']>>().toEqualTypeOf<LookupResult>();
expectTypeOf<StaticKeyring>().toExtend<Keyring>();
expectTypeOf<PullOptions['keyring']>().toEqualTypeOf<Keyring | undefined>();

// A keyring takes what a parser gives. Text may have a tag, with which another image would be looked up.
expectTypeOf<ReturnType<typeof parseImageName>>().toExtend<ImageName>();
expectTypeOf<string>().not.toExtend<ImageName>();
export function looksUp(keyring: Keyring, held: StaticKeyring): void {
  void keyring.lookup(parseImageName('a.example/app:1'));
  held.lookup(parseReference('a.example/app:1'));
  held.lookup({ domain: 'a.example', path: 'app' });
  matchImage('a.example', parseImageName('a.example/app:1'));
  matchImages(['a.example'], parseImageName('a.example/app:1'));
  // @ts-expect-error Text with a tag.
  void keyring.lookup('a.example/app:1');
  // @ts-expect-error Text with a tag.
  held.lookup('a.example/app:1');
  // @ts-expect-error Text, though it has no tag.
  held.lookup('a.example/app');
  // @ts-expect-error Text with a tag.
  matchImage('a.example', 'a.example/app:1');
  // @ts-expect-error Text with a tag.
  matchImages(['a.example'], 'a.example/app:1');
}
