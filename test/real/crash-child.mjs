// Pulls an image into a layout and names it twice; run by crash-sweep.test.ts, which kills it. It starts at a sign, so that
// what is counted and killed is the pull and not the start of Node, and says what it was promised.
import { pullImage } from 'kubepull/puller';
import { createNodeRuntime, openOciLayout } from 'kubepull/node';

const [image = '', host = '', directory = '', workers = 'none'] = process.argv.slice(2);
const platform = { os: 'linux', architecture: 'amd64' };

process.stdout.write('ready\n');
await new Promise((resolve) => void process.stdin.once('data', resolve));
process.stdin.unref();

const store = await openOciLayout(directory);
process.stdout.write('opened\n');
const carrier = workers === 'none' ? {} : { workers: Number(workers), minCarriedBytes: 0 };
const runtime = createNodeRuntime({ platform, ...carrier });
const { name, manifest } = await pullImage(image, { runtime, store, plainHttp: [host] });
process.stdout.write(`named ${name}\n`);
await store.tag('second', manifest);
process.stdout.write('named second\n');
await store.untag('removed');
await store.collectGarbage({ graceMs: 0 });
await runtime.close();
process.exit(0);
