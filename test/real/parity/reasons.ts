import type { Reasons } from './table.ts';

const SCHEMA = ['M09', 'only versions that are known are read'] as const;
const TWICE = ['M07', 'a key that readers take in two ways'] as const;
const LABEL = ['M06', 'nothing is decoded that was not asked for'] as const;
const ENCODED = ['M06', 'the stored bytes are right, whatever the label says'] as const;
const STATUS = ['M09', 'only 200, and 206 where a part was asked for'] as const;
const SIZE = ['M05', 'a size that is missing or wrong'] as const;
const LEADS_OUT = ['S12', 'a name in it leads out of the archive'] as const;
const CHALLENGE = ['A15', 'it can be read in one way only'] as const;
const TOKEN = ['A23', 'what says how long a token lives may be wrong; the token is used for a short time'] as const;
const HOPS = ['B11', '5 redirects; `maxRedirects` of the pull'] as const;
const RESUME = ['B03', 'the layer starts again'] as const;
const LATER = ['M10', 'an entry that is no image is passed over'] as const;

/** Why we alone refuse, or alone pull. The row is one of the threat model. */
export const REASONS: Reasons = {
  // Refused by us.
  M21: SCHEMA,
  M22: SCHEMA,
  M46: TWICE,
  M47: TWICE,
  M55: ['M08', 'bytes that readers take for different text'],
  M56: ['M04', '64 levels; `maxDepth` where documents are parsed'],
  M58: ['M04', '16,384 values; `maxValues` where documents are parsed'],
  I13: SCHEMA,
  I20: TWICE,
  I21: TWICE,
  I70: SIZE,
  I71: SIZE,
  C20: ['A15', 'a value without end'],
  C34: ['A07', 'a realm has no fragment'],
  C76: ['A23', 'an answer that is not JSON to its end'],
  C79: STATUS,
  R34: HOPS,
  R35: HOPS,
  R18: ['A18', 'a URL with an account'],
  E13: LABEL,
  E17: LABEL,
  E21: ['M06', 'without a digest, an encoding is not guessed'],
  E35: STATUS,
  E36: STATUS,
  E37: STATUS,
  L14: TWICE,
  L17: SIZE,
  A10: ['B02', 'an archive that lacks its end may be cut'],
  A13: LEADS_OUT,
  A14: LEADS_OUT,
  A15: LEADS_OUT,
  A16: ['S10', 'a device is no part of an image'],
  // Pulled by us alone.
  M80: ['M11', 'embedded content is passed over unless it is right'],
  I66: LATER,
  I67: LATER,
  C10: CHALLENGE,
  C13: CHALLENGE,
  C24: ['A15', 'the first of two counts'],
  C47: CHALLENGE,
  C66: TOKEN,
  C68: TOKEN,
  C69: TOKEN,
  C70: TOKEN,
  C71: TOKEN,
  C72: TOKEN,
  E01: ENCODED,
  E10: ENCODED,
  E12: ENCODED,
  E41: RESUME,
  E42: RESUME,
  E43: RESUME,
  E44: RESUME,
  E45: RESUME,
  E46: RESUME,
  D16: ['S12', 'a hard link to a file of the archive is that file'],
};
