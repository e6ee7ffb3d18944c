/** Kinds of files below /proc/sys. */
import { EINVAL } from '../../abi/errno.ts';
import type { Node } from '../pseudo/pseudo-file-system.ts';
import { control, parseDecimal, text } from '../pseudo/text-file.ts';

export function fixed(value: string | number): Node {
  return text(() => `${value}\n`);
}

/** A number root may change; nothing but its reader depends on it. */
export function setting(initial: number, min: number, max: number): Node {
  let value = initial;
  return control(
    () => `${value}\n`,
    (written) => {
      const wanted = parseDecimal(written);
      if (wanted === null || wanted < min || wanted > max) return -EINVAL;
      value = wanted;
      return 0;
    },
  );
}

/** A number that something depends on. */
export function field<Name extends string>(holder: Record<Name, number>, name: Name, min: number, max: number): Node {
  return control(
    () => `${holder[name]}\n`,
    (written) => {
      const wanted = parseDecimal(written);
      if (wanted === null || wanted < min || wanted > max) return -EINVAL;
      holder[name] = wanted;
      return 0;
    },
  );
}

/** Two numbers. */
export function pair(first: number, second: number, min: number, max: number): Node {
  let values = [first, second];
  return control(
    () => `${values.join('\t')}\n`,
    (written) => {
      const wanted = written.trim().split(/\s+/).map(parseDecimal);
      if (wanted.length !== 2 || wanted.some((each) => each === null || each < min || each > max)) return -EINVAL;
      values = wanted.map(Number);
      return 0;
    },
  );
}

export function textSetting(initial: string, max: number): Node {
  let value = initial;
  return control(
    () => `${value}\n`,
    (written) => {
      value = firstLine(written).slice(0, max);
      return 0;
    },
  );
}

export function firstLine(written: string): string {
  const end = written.search(/[\0\n]/);
  return end < 0 ? written : written.slice(0, end);
}
