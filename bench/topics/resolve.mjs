// Tags to digests, one after the other over a connection that is kept, beside a HEAD of node:http by hand.
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { createRegistrySession, resolveManifest } from 'kubepull/distribution';
import { createNodeRuntime } from 'kubepull/node';
import { parseReference } from 'kubepull/reference';
import { inTurn, toRow } from '../harness.mjs';
import { pushImage, withRegistry } from '../registry.mjs';

const BARE = 'node:http';
const ACCEPT = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';

/** @param {string} host @param {{ quick: boolean }} settings */
async function compare(host, { quick }) {
  await pushImage(`http://${host}/v2/small`, { layers: 1, mib: 1 });
  const count = quick ? 100 : 1000;
  const runtime = createNodeRuntime();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ref = parseReference(`${host}/small:latest`);
  const session = createRegistrySession({
    transport: runtime.transport,
    createHasher: runtime.createHasher,
    origin: `http://${host}`,
  });
  const calls = {
    kubepull: () => resolveManifest(session, ref),
    [BARE]: async () => {
      const head = request(`http://${host}/v2/small/manifests/latest`, {
        method: 'HEAD',
        agent,
        headers: { accept: ACCEPT },
      }).end();
      const [response] = await once(head, 'response');
      response.resume();
      await once(response, 'end');
      return response.headers['docker-content-digest'];
    },
  };
  /** @type {Record<string, () => Promise<unknown>>} */
  const byName = calls;
  try {
    const samples = await inTurn(Object.keys(calls), quick ? 3 : 5, async (side) => {
      const started = performance.now();
      for (let at = 0; at < count; at += 1) await byName[side]?.();
      return performance.now() - started;
    });
    return [toRow(`${count} resolves`, 'ms', samples, [{ side: 'kubepull', to: BARE, most: 1.2 }])];
  } finally {
    agent.destroy();
    await runtime.close();
  }
}

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'resolve',
  about: 'What digest a tag has, asked again and again.',
  measure: (settings) => withRegistry(({ host }) => compare(host, settings), settings.watch),
};
