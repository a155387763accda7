// Runs the vectors in whatever runtime loads it: no test framework, no built-in, one line of JSON as the result.
import authDecode from '../vectors/auth-decode.json' with { type: 'json' };
import backoff from '../vectors/backoff.json' with { type: 'json' };
import { CHECKS, runChecks, type VectorFile } from '../vectors/checks.ts';
import glob from '../vectors/glob.json' with { type: 'json' };
import imageName from '../vectors/image-name.json' with { type: 'json' };
import keyring from '../vectors/keyring.json' with { type: 'json' };
import matchImages from '../vectors/match-images.json' with { type: 'json' };
import platforms from '../vectors/platforms.json' with { type: 'json' };
import referenceOps from '../vectors/reference-ops.json' with { type: 'json' };
import reference from '../vectors/reference.json' with { type: 'json' };
import secretValidate from '../vectors/secret-validate.json' with { type: 'json' };
import urlsMatch from '../vectors/urls-match.json' with { type: 'json' };

const FILES: ReadonlyMap<string, VectorFile> = new Map<string, VectorFile>([
  ['auth-decode.json', authDecode],
  ['backoff.json', backoff],
  ['glob.json', glob],
  ['image-name.json', imageName],
  ['keyring.json', keyring],
  ['match-images.json', matchImages],
  ['platforms.json', platforms],
  ['reference.json', reference],
  ['reference-ops.json', referenceOps],
  ['secret-validate.json', secretValidate],
  ['urls-match.json', urlsMatch],
]);

let [cases, differ] = [0, 0];
for (const [name, check] of CHECKS) {
  const file = FILES.get(name);
  if (file === undefined) throw new Error(`${name} is not in the suite`);
  cases += file.cases.length;
  differ += runChecks(check, file).length;
}
const result = `shared-suite ${JSON.stringify({ files: CHECKS.size, cases, differ })}`;
// A browser has no standard output: there, the page is dumped.
if (typeof document === 'undefined') console.log(result);
else document.body.textContent = result;
