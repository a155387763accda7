import { describe, expect, it } from 'vitest';
import { createSecret, decodeAuth, encodeAuth } from 'kubepull/docker-config';
import { canary } from '../support/canary.ts';
import { faultOf, upstreamOf } from './support.ts';

const NO_COLON = 'unable to parse auth field, must be formatted as base64(username:password)';

describe('decodeAuth', () => {
  it.each([
    ['dXNlcjpwYXNz', 'user', 'pass'],
    ['dXNlcjpwYXNzd29yZA==', 'user', 'password'],
    ['dXNlcjpwYXNzd29yZA', 'user', 'password'],
    ['dXNlcjpwYXNz\n', 'user', 'pass'],
    ['dXNl\r\ncjpwYXNz', 'user', 'pass'],
    ['dXNlcjpwYXNzd29yZA==\n', 'user', 'password'],
    ['dXNlcjpwYXNzd29yZA=\n=', 'user', 'password'],
    ['Og==', '', ''],
    ['dXNlcjo=', 'user', ''],
    ['OnBhc3M=', '', 'pass'],
    ['dTpwOnE=', 'u', 'p:q'],
    ['dTpwCg==', 'u', 'p\n'],
    ['dTpxZh', 'u', 'qf'],
    ['dTpxZh==', 'u', 'qf'],
    ['dTo/Pz8=', 'u', '???'],
    ['dTpwAAA=', 'u', 'p\0\0'],
  ])('reads %j [C05]', (auth, username, password) => {
    const decoded = decodeAuth(auth);
    expect(decoded.username).toBe(username);
    expect(decoded.password.reveal()).toBe(password);
  });

  it.each([
    ['dXNlcjpwYXNzd29yZA=', 'illegal base64 data at input byte 19'],
    [' dXNlcjpwYXNz', 'illegal base64 data at input byte 0'],
    ['dXNlcjpwYXNz ', 'illegal base64 data at input byte 12'],
    ['dXNlcjpwYXNzd29yZA== ', 'illegal base64 data at input byte 20'],
    ['dXNlcjpwYXNzd29yZA==\u0085', 'illegal base64 data at input byte 20'],
    ['dXNlcjpwYXNzd29yZA==\ufeff', 'illegal base64 data at input byte 18'],
    ['dTo_Pz8=', 'illegal base64 data at input byte 3'],
    ['dTpxZ', 'illegal base64 data at input byte 4'],
    ['=', 'illegal base64 data at input byte 0'],
    ['====', 'illegal base64 data at input byte 0'],
    ['!!!', 'illegal base64 data at input byte 0'],
    ['   ', 'illegal base64 data at input byte 0'],
    ['dXNlcg==', NO_COLON],
    ['', NO_COLON],
    ['\r\n', NO_COLON],
  ])('refuses %j [C04]', (auth, upstream) => {
    expect(upstreamOf(() => decodeAuth(auth))).toBe(upstream);
  });

  it('keeps bytes that are not UTF-8 [C05]', () => {
    const { password } = decodeAuth(Buffer.from([0x75, 0x3a, 0xff, 0xc3, 0xa9, 0x80]).toString('base64'));
    expect(password.reveal()).toBe('\udcffé\udc80');
    expect(encodeAuth('u', password)).toBe('dTr/w6mA');
  });

  it('says nothing of the content in its error [L02]', () => {
    const auth = Buffer.from(canary('password')).toString('base64');
    const error = faultOf(() => decodeAuth(auth));
    expect(error.message).toBe(`Cannot decode auth field: ${NO_COLON}`);
    expect(faultOf(() => decodeAuth(`${auth}!`)).message).toMatch(/^Cannot decode auth field: illegal base64 data/);
  });

  it('hides the password from every printer [L01]', () => {
    const decoded = decodeAuth(Buffer.from(`user:${canary('password')}`).toString('base64'));
    expect(decoded).toHaveProperty('username', 'user');
    expect(JSON.stringify(decoded)).toBe('{"username":"user","password":"[redacted]"}');
  });
});

describe('encodeAuth', () => {
  it('writes padded base64 of what stands in the secret', () => {
    expect(encodeAuth('user', 'password')).toBe('dXNlcjpwYXNzd29yZA==');
    expect(encodeAuth('user', createSecret('password'))).toBe('dXNlcjpwYXNzd29yZA==');
    expect(encodeAuth('é', '😀')).toBe(Buffer.from('é:😀').toString('base64'));
  });

  it('writes a user name with a colon, which reads back as another pair', () => {
    const decoded = decodeAuth(encodeAuth('x:y', 'z'));
    expect([decoded.username, decoded.password.reveal()]).toEqual(['x', 'y:z']);
  });
});
