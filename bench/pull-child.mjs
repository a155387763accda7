// One pull with the built package, as a whole process: node bench/pull-child.mjs http|https IMAGE DIRECTORY [WORKERS]
import { createNodeRuntime, openOciLayout } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';

const [scheme, image = '', directory = '', workers] = process.argv.slice(2);
const runtime = createNodeRuntime({ ...(workers !== undefined && { workers: Number(workers) }) });
const plainHttp = scheme === 'http' ? [image.split('/')[0] ?? ''] : [];
await pullImage(image, { runtime, store: await openOciLayout(directory), plainHttp });
await runtime.close();
