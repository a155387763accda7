import { describe, expect, it } from 'vitest';
import { combineTracing, runTraced, type Tracing } from 'kubepull/tracing';

const plugin = { plugin: 'ecr', image: 'app' };

function watcher(name: string, log: string[]): Tracing {
  return {
    async trace(operation, context, action) {
      log.push(`${name} starts ${operation}`);
      try {
        return await action();
      } finally {
        log.push(`${name} ends ${JSON.stringify(context)}`);
      }
    },
  };
}

describe('traced', () => {
  it('runs the action when nobody watches', async () => {
    expect(await runTraced(undefined, 'plugin', plugin, async () => 7)).toBe(7);
  });

  it('gives on what the action returns or throws', async () => {
    const log: string[] = [];
    expect(await runTraced(watcher('a', log), 'plugin', plugin, async () => 7)).toBe(7);
    const error = new Error('no');
    await expect(runTraced(watcher('a', log), 'plugin', plugin, () => Promise.reject(error))).rejects.toBe(error);
    expect(log).toHaveLength(4);
  });
});

describe('combineTracing', () => {
  it('tells all of them, the first first, and runs the action once', async () => {
    const log: string[] = [];
    const tracing = combineTracing(watcher('a', log), watcher('b', log));
    expect(await tracing.trace('plugin', plugin, async () => log.push('runs'))).toBe(3);
    const told = JSON.stringify(plugin);
    expect(log).toEqual(['a starts plugin', 'b starts plugin', 'runs', `b ends ${told}`, `a ends ${told}`]);
  });

  it('is nobody without any', async () => {
    expect(await combineTracing().trace('plugin', plugin, async () => 7)).toBe(7);
  });
});
