import {
  ApiException,
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  type RequestContext,
  ServerConfiguration,
} from '@kubernetes/client-node';

/** For one call of the API server. A call without a limit could keep a pod waiting for ever. */
const CALL_TIMEOUT_MS = 10_000;

/** From a file, or from where kubectl and the pods of a cluster find it. */
export function loadKubeConfig(file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  return config;
}

/** The core API, with a time limit on every call. */
export function createCoreApi(config: KubeConfig): CoreV1Api {
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error('The kubeconfig has no current cluster');
  const limitTime = async (request: RequestContext): Promise<RequestContext> => {
    request.setSignal(AbortSignal.timeout(CALL_TIMEOUT_MS));
    return request;
  };
  return new CoreV1Api(
    createConfiguration({
      baseServer: new ServerConfiguration(server, {}),
      authMethods: { default: config },
      promiseMiddleware: [{ pre: limitTime, post: async (response) => response }],
    }),
  );
}

/** The HTTP status of an answer that was no success, from a call or from a watch. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof ApiException) return error.code;
  const { statusCode } = error as { readonly statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : undefined;
}

/** One line for the log. The message of an `ApiException` is not fit for that: it has the whole answer in it. */
export function describeError(error: unknown): string {
  const status = statusOf(error);
  if (status !== undefined) return `HTTP status ${status}`;
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return line;
}
