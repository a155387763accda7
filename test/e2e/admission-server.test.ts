import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AdmissionAnswer } from 'kubepull/admission';
import { createImageRules } from 'kubepull/rules';
import { createAdmissionServer } from '../../docs/examples/admission-server.ts';
import { patchOf, reviewOf } from '../admission/support.ts';
import { createCertificate } from '../support/certificate.ts';

const tls = createCertificate();

async function start(): Promise<
  (path: string, body: string, method?: string) => Promise<{ status: number; body: string }>
> {
  const rules = { images: createImageRules({ allow: ['registry.example.com'] }), alwaysPullImages: true };
  const server = createAdmissionServer(tls, rules).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return async (path, body, method = 'POST') => {
    const call = httpsRequest({ host: '127.0.0.1', port, path, method, ca: tls.cert, servername: 'localhost' });
    // A server that answers before it has read all may close the connection under who still sends.
    call.on('error', () => undefined);
    call.end(body);
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
    return { status: response.statusCode ?? 0, body: text };
  };
}

const podOf = (image: string): object => ({
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'web', image, imagePullPolicy: 'IfNotPresent' }] },
});

describe('the example of an admission server', () => {
  it('answers over TLS what the API server asks of each kind of webhook', async () => {
    const ask = await start();
    const admitted = await ask('/mutate?timeout=10s', JSON.stringify(reviewOf(podOf('registry.example.com/app:1'))));
    expect(admitted.status).toBe(200);
    expect(patchOf(JSON.parse(admitted.body) as AdmissionAnswer)).toEqual([
      { op: 'replace', path: '/spec/containers/0/imagePullPolicy', value: 'Always' },
    ]);
    const refused = await ask('/validate', JSON.stringify(reviewOf(podOf('nginx'))));
    expect(refused.status).toBe(200);
    expect(JSON.parse(refused.body)).toMatchObject({ response: { allowed: false, status: { code: 403 } } });
  });

  it.each([
    ['a body that is no JSON', '/mutate', '{', 'POST', 400, 'Cannot read an AdmissionReview'],
    [
      'a body that is no review',
      '/mutate',
      '{}',
      'POST',
      400,
      'Cannot review an admission request: apiVersion is missing',
    ],
    ['another path', '/', '{}', 'POST', 404, 'POST to /mutate or /validate'],
    ['another method', '/mutate', '', 'PUT', 404, 'POST to /mutate or /validate'],
  ])('refuses %s', async (_, path, body, method, status, message) => {
    const answer = await (await start())(path, body, method);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(message);
  });

  it('refuses a body without end', async () => {
    const answer = await (await start())('/validate', `"${'x'.repeat(9 * 1024 * 1024)}"`);
    expect(answer.status).toBe(413);
  });
});
