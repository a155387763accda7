import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createCertificate } from '../../support/certificate.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { reviewOf } from '../../admission/support.ts';
import { root } from '../entries.mjs';

it('is a program that answers the API server, as it was built', async () => {
  const { cert, key } = createCertificate();
  const { path } = tempDir();
  writeFileSync(join(path, 'tls.crt'), cert);
  writeFileSync(join(path, 'tls.key'), key);
  const server = spawn('node', [join(root, 'dist/examples/admission-server.js'), path, '0', 'registry.example.com']);
  onTestFinished(() => void server.kill());
  const [said] = (await once(server.stdout, 'data')) as [Buffer];
  const port = Number(/port: (\d+)/.exec(said.toString())?.[1]);
  const call = request({
    host: '127.0.0.1',
    port,
    path: '/validate',
    method: 'POST',
    ca: cert,
    servername: 'localhost',
  });
  call.end(
    JSON.stringify(reviewOf({ kind: 'Pod', spec: { containers: [{ image: 'nginx', imagePullPolicy: 'Always' }] } })),
  );
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
  expect(JSON.parse(text)).toMatchObject({ response: { allowed: false, status: { reason: 'Forbidden' } } });
});
