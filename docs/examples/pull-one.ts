import { readFile } from 'node:fs/promises';
import {
  createKeyring,
  formatLookup,
  ImageError,
  parseDockerConfigJson,
  parseImageName,
  parsePlatform,
  parseReference,
  type Keyring,
} from 'kubepull';
import { pullImageEvents } from 'kubepull/puller';
import { createNodeRuntime, loadNodeKeyring, openOciLayout } from 'kubepull/node';
import type { Command } from './arguments.js';
import { block, chapter, facts, good } from './print.js';
import { followPull } from './progress.js';

/** `npm start -- IMAGE …`: any image from any registry into an OCI layout. */
export async function pullOne(command: Extract<Command, { kind: 'pull' }>, signal: AbortSignal): Promise<void> {
  const { image, out } = command;
  const ref = parseReference(image);
  const platform = command.platform === undefined ? undefined : parsePlatform(command.platform);
  const keyring = await openKeyring(command.config);
  chapter(`Pulling ${image}`);
  block(formatLookup(await keyring.lookup(parseImageName(image))));

  const runtime = createNodeRuntime();
  try {
    const pulled = await followPull(
      pullImageEvents(image, {
        runtime,
        keyring,
        signal,
        store: await openOciLayout(out),
        platform,
        plainHttp: command.plainHttp ? [ref.domain] : [],
      }),
    );
    good(`written to ${out}`);
    facts([
      ['name', pulled.name],
      ['image ID', pulled.imageRef],
      ['repo digest', pulled.repoDigest],
    ]);
  } finally {
    await runtime.close();
  }
}

async function openKeyring(config: string | undefined): Promise<Keyring> {
  if (config === undefined) return loadNodeKeyring();
  return createKeyring(parseDockerConfigJson(await readConfig(config), { kind: 'file', path: config }));
}

async function readConfig(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const [reason] = (error as Error).message.split(', ');
    throw new ImageError('ERR_OPTION_INVALID', `Cannot read --config ${path}: ${reason}`, { cause: error });
  }
}
