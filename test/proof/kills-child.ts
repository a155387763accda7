// Run by kills.test.ts in processes of its own, bundled: pulls an image into a layout that another process uses as well, gives it a
// name of its own, takes one away, and collects. It starts at a sign, and says what it was promised.
import { openOciLayout } from '../../src/node/layout/layout.ts';
import { createNodeRuntime } from '../../src/node/runtime.ts';
import { pullImage } from '../../src/puller/index.ts';

const [image = '', host = '', directory = '', own = ''] = process.argv.slice(2);

process.stdout.write('ready\n');
await new Promise((resolve) => void process.stdin.once('data', resolve));
process.stdin.unref();

const store = await openOciLayout(directory);
process.stdout.write('opened\n');
const runtime = createNodeRuntime({ platform: { os: 'linux', architecture: 'amd64' } });
const { name, manifest } = await pullImage(image, { runtime, store, plainHttp: [host] });
process.stdout.write(`named ${name}\n`);
await store.tag(own, manifest);
process.stdout.write(`named ${own}\n`);
await store.untag('removed');
await store.collectGarbage();
await runtime.close();
process.exit(0);
