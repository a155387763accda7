import { configError } from '../files/config-file.js';
import type { TomlTable } from './toml-file.js';

/** Reads the fields of one file's tables; what has the wrong type is an error that names the field and nothing else. */
export interface TomlFields {
  text(table: TomlTable, key: string): string | undefined;
  flag(table: TomlTable, key: string): boolean | undefined;
  texts(table: TomlTable, key: string): readonly string[] | undefined;
  table(table: TomlTable, key: string): TomlTable | undefined;
  tables(table: TomlTable, key: string): readonly TomlTable[];
}

export function tomlFields(path: string): TomlFields {
  const read =
    <T>(is: (value: unknown) => value is T, kind: string) =>
    (table: TomlTable, key: string): T | undefined => {
      const value = table[key];
      if (value === undefined || is(value)) return value;
      throw configError(path, `${key} must be ${kind}`);
    };
  const tables = read(isListOf(isTable), 'a list of tables');
  return {
    text: read(isText, 'a string'),
    flag: read((value) => typeof value === 'boolean', 'true or false'),
    texts: read(isListOf(isText), 'a list of strings'),
    table: read(isTable, 'a table'),
    tables: (table, key) => tables(table, key) ?? [],
  };
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

export function isListOf<T>(is: (value: unknown) => value is T): (value: unknown) => value is readonly T[] {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(is);
}
