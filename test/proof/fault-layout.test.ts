// Everything that can go wrong at every place of a pull into a layout: how it ends is written down before.
import { describe } from 'vitest';
import { describeRounds } from './fault-rounds.ts';

describe('a pull into a layout during a fault [B01 B02 B03 B06 B07 B08 B10 B11 M05 M06]', () => {
  describeRounds('layout');
});
