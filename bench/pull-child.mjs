// One pull with the built package, as a whole process: node bench/pull-child.mjs IMAGE DIRECTORY
import { pullImage } from 'kubepull/puller';
import { createNodeRuntime, openOciLayout } from 'kubepull/node';

const [image = '', directory = ''] = process.argv.slice(2);
const runtime = createNodeRuntime();
await pullImage(image, { runtime, store: await openOciLayout(directory), plainHttp: [image.split('/')[0] ?? ''] });
await runtime.close();
