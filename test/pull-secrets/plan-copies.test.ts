import { describe, expect, it } from 'vitest';
import {
  COPIED_FROM_ANNOTATION,
  EXPIRES_AT_ANNOTATION,
  planSecretCopies,
  type SecretLike,
} from 'kubepull/pull-secrets';
import { deepFreeze } from '../docker-config/support.ts';
import { base64, messageOf } from './support.ts';

describe('planSecretCopies', () => {
  const source = deepFreeze({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'creds',
      namespace: 'team',
      uid: 'u1',
      resourceVersion: '7',
      labels: { app: 'web' },
      annotations: {
        [EXPIRES_AT_ANNOTATION]: '2026-12-01T08:00:00.000Z',
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
      },
    },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64('{"auths":{"r.example":{"auth":"dTpw"}}}') },
  });
  const copied = { [EXPIRES_AT_ANNOTATION]: '2026-12-01T08:00:00.000Z', [COPIED_FROM_ANNOTATION]: 'team/creds' };

  it('makes a copy without what is the server’s own', () => {
    expect(planSecretCopies(source, { namespaces: ['shop', 'shop', 'team'], existing: [] })).toEqual([
      {
        action: 'create',
        namespace: 'shop',
        secret: {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'creds', namespace: 'shop', labels: { app: 'web' }, annotations: copied },
          type: source.type,
          data: source.data,
        },
      },
      { action: 'leave', namespace: 'team', reason: 'source' },
    ]);
  });

  it('updates its copies in place, leaves what is equal, foreign, of another type or immutable', () => {
    const there = (namespace: string, change: object): SecretLike => {
      const server = { resourceVersion: namespace, labels: { app: 'web' } };
      const metadata = { name: 'creds', namespace, annotations: { ...copied, own: 'x' }, ...server };
      return { metadata, type: source.type, data: { '.dockerconfigjson': 'e30=' }, ...change };
    };
    const existing = [
      there('old', {}),
      there('equal', { data: source.data }),
      there('foreign', { metadata: { name: 'creds', namespace: 'foreign' } }),
      there('type', { type: 'Opaque' }),
      there('fixed', { immutable: true }),
      there('other', { metadata: { name: 'others', namespace: 'other' } }),
    ];
    const namespaces = ['old', 'equal', 'foreign', 'type', 'fixed', 'other'];
    const plan = planSecretCopies(source, { namespaces, existing });
    expect(plan.map((step) => (step.action === 'leave' ? step.reason : step.action))).toEqual([
      'update',
      'equal',
      'foreign',
      'other-type',
      'immutable',
      'create',
    ]);
    const [update] = plan;
    expect(update).toMatchObject({
      secret: {
        metadata: { namespace: 'old', resourceVersion: 'old', annotations: { ...copied, own: 'x' } },
        data: source.data,
      },
    });
    const again = planSecretCopies(source, {
      namespaces,
      existing: plan.flatMap((step) => ('secret' in step ? [step.secret] : [])),
    });
    expect(again.map(({ action }) => action)).toEqual(['leave', 'create', 'create', 'create', 'create', 'leave']);
    const forced = planSecretCopies(source, { namespaces: ['foreign'], existing, overwrite: true });
    expect(forced).toMatchObject([{ action: 'update', secret: { data: source.data } }]);
  });

  it('brings copies up to date that say when they end, and the source does not', () => {
    const { annotations: _, ...metadata } = source.metadata;
    const lasting = { ...source, metadata };
    const copy = {
      ...source,
      metadata: { name: 'creds', namespace: 'shop', labels: { app: 'web' }, annotations: copied },
    };
    const [step] = planSecretCopies(lasting, { namespaces: ['shop'], existing: [copy] });
    expect(step).toMatchObject({ action: 'update' });
    if (step?.action === 'update')
      expect(step.secret.metadata?.annotations).toEqual({ [COPIED_FROM_ANNOTATION]: 'team/creds' });
  });

  it('brings labels up to date, and keeps those that a copy has of its own', () => {
    const metadata = { name: 'creds', namespace: 'shop', labels: { app: 'old', own: 'x' }, annotations: copied };
    const [step] = planSecretCopies(source, { namespaces: ['shop'], existing: [{ ...source, metadata }] });
    expect(step).toMatchObject({ action: 'update', secret: { metadata: { labels: { app: 'web', own: 'x' } } } });
  });

  it('takes a secret without namespace for one of default, and without type for an opaque one', () => {
    const bare: SecretLike = { metadata: { name: 'creds' }, data: { a: 'AAE=' } };
    const copy = {
      metadata: { name: 'creds', annotations: { [COPIED_FROM_ANNOTATION]: 'team/creds' } },
      data: bare.data,
    };
    expect(planSecretCopies(bare, { namespaces: ['default', 'shop'], existing: [] })).toEqual([
      { action: 'leave', namespace: 'default', reason: 'source' },
      {
        action: 'create',
        namespace: 'shop',
        secret: {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: {
            name: 'creds',
            namespace: 'shop',
            annotations: { [COPIED_FROM_ANNOTATION]: 'default/creds' },
          },
          type: 'Opaque',
          data: bare.data,
        },
      },
    ]);
    const inTeam = { ...bare, metadata: { name: 'creds', namespace: 'team' } };
    expect(planSecretCopies(inTeam, { namespaces: ['default'], existing: [{}, copy] })).toEqual([
      { action: 'leave', namespace: 'default', reason: 'equal' },
    ]);
  });

  it.each([
    ['a value more', { '.dockerconfigjson': source.data['.dockerconfigjson'], x: '' }],
    ['a value less', {}],
    ['a value of another name', { x: source.data['.dockerconfigjson'] }],
  ])('updates a copy with %s, and drops its plain text', (_, data) => {
    const metadata = { name: 'creds', namespace: 'shop', labels: { app: 'web' }, annotations: copied };
    const existing: SecretLike[] = [{ ...source, metadata, data, stringData: {} }];
    const [step] = planSecretCopies(source, { namespaces: ['shop'], existing });
    expect(step).toMatchObject({ action: 'update', secret: { metadata, data: source.data, stringData: undefined } });
  });

  it('turns the plain text of a manifest into data, and refuses what the API server would', () => {
    const manifest = { ...source, data: {}, stringData: { '.dockerconfigjson': '{}' } };
    const [step] = planSecretCopies(manifest, { namespaces: ['shop'], existing: [] });
    expect(step).toMatchObject({ action: 'create', secret: { data: { '.dockerconfigjson': 'e30=' } } });
    const bad = { ...source, data: {} };
    expect(messageOf(() => planSecretCopies(bad, { namespaces: [], existing: [] }))).toBe(
      'Cannot plan copies of a secret "creds": Secret "creds" is invalid: data[.dockerconfigjson]: Required value',
    );
    for (const metadata of [undefined, {}, { name: '' }])
      expect(messageOf(() => planSecretCopies({ ...source, metadata }, { namespaces: [], existing: [] }))).toBe(
        'Cannot plan copies of a secret: it has no name',
      );
  });
});
