import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { isImageError } from 'kubepull';
import { type AdmissionReviewLike, type AdmissionRules, review } from 'kubepull/admission';
import { createImageRules } from 'kubepull/rules';

/** An object may have 3 MiB, and an update has the old one as well. */
const MAX_BODY = 8 * 1024 * 1024;
const PHASES: Readonly<Record<string, AdmissionRules['phase']>> = { '/mutate': 'mutating', '/validate': 'validating' };
type Rules = Omit<AdmissionRules, 'phase'>;
type Answer = readonly [status: number, body: object];

/** A webhook: `/mutate` for a MutatingWebhookConfiguration, and `/validate` for a ValidatingWebhookConfiguration. */
export function createAdmissionServer(tls: { key: string; cert: string }, rules: Rules): Server {
  return createServer(tls, (request, response) => {
    const send = ([status, body]: Answer): unknown =>
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body));
    void answer(request, rules).then(send);
  });
}

/** What is no 200 the API server shows to nobody but its own log; it goes on as `failurePolicy` says. */
async function answer(request: IncomingMessage, rules: Rules): Promise<Answer> {
  const phase = PHASES[request.url?.split('?')[0] ?? ''];
  if (request.method !== 'POST' || phase === undefined) return [404, { message: 'POST to /mutate or /validate' }];
  try {
    let text = '';
    for await (const chunk of request.setEncoding('utf8'))
      if ((text += chunk as string).length > MAX_BODY) return [413, { message: 'The body is too large' }];
    return [200, review(JSON.parse(text) as AdmissionReviewLike, { ...rules, phase })];
  } catch (error) {
    return [400, { message: isImageError(error) ? error.message : 'Cannot read an AdmissionReview' }];
  }
}

/** `node admission-server.js DIRECTORY PORT REGISTRY…`: the directory has `tls.key` and `tls.crt`, as a mounted TLS secret has. */
if (argv[1] === fileURLToPath(import.meta.url)) {
  const [, , directory = '.', port = '8443', ...allow] = argv;
  const [key, cert] = ['tls.key', 'tls.crt'].map((name) => readFileSync(`${directory}/${name}`, 'utf8'));
  const rules = { images: createImageRules({ allow }), alwaysPullImages: true };
  const server = createAdmissionServer({ key: key ?? '', cert: cert ?? '' }, rules);
  server.listen(Number(port), () => console.log('listening on', server.address()));
}
