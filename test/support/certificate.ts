import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto';

/** A key and the certificate that it signed for itself, both in PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

type Der = Buffer;

/** Each kind of key, with the identifier of its signatures over SHA-256. */
const KEYS = {
  ec: {
    generate: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    algorithm: () => sequence(oid('2a8648ce3d040302')),
  },
  rsa: {
    generate: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    algorithm: () => sequence(oid('2a864886f70d01010b'), der(0x05, Buffer.alloc(0))),
  },
} as const;

const OID_COMMON_NAME = '550403';
const OID_SUBJECT_ALT_NAME = '551d11';

/**
 * Makes a certificate for TLS servers of a test, good for a day, without any program but Node.
 *
 * @param names - DNS names that it is for; it is always for 127.0.0.1
 * @param keys - `rsa` where a program wants it: such a key takes a moment to make
 */
export function createCertificate(names: readonly string[] = ['localhost'], keys: 'ec' | 'rsa' = 'ec'): Certificate {
  const { privateKey, publicKey } = KEYS[keys].generate();
  const algorithm = KEYS[keys].algorithm();
  const name = sequence(
    der(
      0x31,
      sequence(oid(OID_COMMON_NAME), der(0x0c, Buffer.from(`kubepull test ${randomBytes(4).toString('hex')}`))),
    ),
  );
  const day = 24 * 60 * 60 * 1000;
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    sequence(time(Date.now() - day), time(Date.now() + day)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(oid(OID_SUBJECT_ALT_NAME), der(0x04, alternativeNames(names))))),
  );
  const signature = createSign('sha256').update(body).sign(privateKey);
  const certificate = sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const base64 = certificate.toString('base64').replaceAll(/.{64}/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  };
}

function alternativeNames(names: readonly string[]): Der {
  return sequence(...names.map((name) => der(0x82, Buffer.from(name))), der(0x87, Buffer.from([127, 0, 0, 1])));
}

function time(at: number): Der {
  const text = new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return der(0x18, Buffer.from(text));
}

function sequence(...parts: readonly Der[]): Der {
  return der(0x30, Buffer.concat(parts));
}

function oid(hex: string): Der {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function der(tag: number, content: Buffer): Der {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
