// The state of the page in the part of an address that no browser sends anywhere. What goes in was stripped of secrets before.
import { encodeBase64 } from '../../src/internal/go/base64.ts';
import type { KubernetesRelease } from 'kubepull/kubernetes';
import { type Inputs, NO_INPUTS, NODE_IMAGES, type NodeImage, RELEASES } from './inputs.ts';

/** As much as an address may hold. */
const MAX_LINK = 200_000;
/** As many bytes as it may unpack to. */
const MAX_TEXT = 2_000_000;

/** The fragment for what was put in, to which {@link decodeLink} is the way back. */
export async function encodeLink(inputs: Inputs): Promise<string> {
  const changed = Object.entries(inputs).filter(([name, value]) => value !== NO_INPUTS[name as keyof Inputs]);
  const bytes = new TextEncoder().encode(JSON.stringify(Object.fromEntries(changed)));
  const packed = await pipe(bytes, new CompressionStream('deflate-raw'));
  return `#s=${toBase64Url(packed)}`;
}

/** What a fragment says; `undefined` when it is none of ours. */
export async function decodeLink(fragment: string): Promise<Inputs | undefined> {
  const packed = /^#s=([\w-]+)$/u.exec(fragment.slice(0, MAX_LINK))?.[1];
  if (packed === undefined) return undefined;
  try {
    const bytes = await pipe(fromBase64Url(packed), new DecompressionStream('deflate-raw'));
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null
      ? toInputs(value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The example that a fragment names. */
export function exampleOf(fragment: string): string | undefined {
  return /^#example=([\w-]+)$/u.exec(fragment)?.[1];
}

function toInputs({ objects, nodeConfig, message, node, release }: Readonly<Record<string, unknown>>): Inputs {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    objects: text(objects),
    nodeConfig: text(nodeConfig),
    message: text(message),
    node: Object.hasOwn(NODE_IMAGES, text(node)) ? (node as NodeImage) : NO_INPUTS.node,
    release: RELEASES.includes(release as KubernetesRelease) ? (release as KubernetesRelease) : NO_INPUTS.release,
  };
}

async function pipe(
  bytes: Uint8Array<ArrayBuffer>,
  through: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([bytes]).stream().pipeThrough(through).getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > MAX_TEXT) {
      await reader.cancel();
      throw new RangeError('The link holds too much');
    }
    chunks.push(next.value);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

function toBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
}
