import { status } from '@grpc/grpc-js';
import type { RuntimeImage } from '../image-service/index.js';
import type { CallSettings, RpcClient } from './client.js';
import { fromWireImage } from './convert.js';
import { CriError, type CriOperation } from '../errors/index.js';
import { criError } from './cri-error.js';
import { goCodeName } from './go-status.js';
import type { ImageServiceDefinition } from './wire.js';

/** A runtime that streams more images than this does not mean it. */
const MAX_STREAMED_IMAGES = 100_000;

type SettingsOf = (operation: CriOperation) => CallSettings;

/** Makes the list of all images: streamed, until the runtime turns out not to know how. */
export function createListImages(
  client: RpcClient,
  service: Pick<ImageServiceDefinition, 'ListImages' | 'StreamImages'>,
  streaming: boolean,
): (settingsOf: SettingsOf) => Promise<readonly RuntimeImage[]> {
  let isStreaming = streaming;
  return async (settingsOf) => {
    if (isStreaming) {
      try {
        return await streamImages(client, service.StreamImages, settingsOf('StreamImages'));
      } catch (error) {
        if (!isUnimplemented(error)) throw error;
        isStreaming = false;
      }
    }
    const { images } = await client.unary(service.ListImages, {}, settingsOf('ListImages'));
    return images.map(fromWireImage);
  };
}

async function streamImages(
  client: RpcClient,
  method: ImageServiceDefinition['StreamImages'],
  settings: CallSettings,
): Promise<readonly RuntimeImage[]> {
  const all: RuntimeImage[] = [];
  await client.stream(method, {}, settings, ({ images }) => {
    if (all.length + images.length > MAX_STREAMED_IMAGES) throw tooMany();
    for (const image of images) all.push(fromWireImage(image));
  });
  return all;
}

function isUnimplemented(error: unknown): boolean {
  return error instanceof CriError && error.status === goCodeName(status.UNIMPLEMENTED);
}

function tooMany(): CriError {
  const description = `the runtime streams more than ${MAX_STREAMED_IMAGES} images`;
  return criError({ operation: 'StreamImages', code: status.RESOURCE_EXHAUSTED, description });
}
