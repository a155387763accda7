// What the examples of the documentation may use without declaring it.
import type { PodLike } from 'kubepull/kubernetes';
import type { SecretLike } from 'kubepull/pull-secrets';

declare global {
  const pod: PodLike;
  const secretsInNamespace: readonly SecretLike[];
  // Secrets, which nobody writes into an example.
  const password: string;
  const accessKeyId: string;
  const secretKey: string;
  const clientSecret: string;
  const adminPassword: string;
  const authToken: string;
  const apiKey: string;
  const serviceAccountKey: string;
  // A configuration of credential plugins: parsed, and where it lies.
  const document: unknown;
  const configPath: string;
  const binDir: string;
  // What the SDKs of the clouds give.
  const signer: { headersFor(method: string, url: string): Promise<Record<string, string>> };
  const provider: () => Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>;
  const azure: { getToken(scope: string): Promise<{ token: string; expiresOnTimestamp: number }> };
}
