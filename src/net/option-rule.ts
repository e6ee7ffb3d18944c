/** Socket options that are one number: what they are at first, and what is kept of a number that is set. */

export interface OptionRule {
  readonly initial: number;
  /** What getsockopt(2) gives after a setsockopt(2); null for a number that is refused with EINVAL. */
  store(value: number): number | null;
}

const INT_MAX = 0x7fffffff;

export const flag = (initial = 0): OptionRule => ({ initial, store: (value) => (value === 0 ? 0 : 1) });

export const range = (initial: number, min: number, max: number): OptionRule => ({
  initial,
  store: (value) => (value < min || value > max ? null : value),
});

export const anyNumber = (initial: number): OptionRule => ({ initial, store: (value) => value });

export const natural = (initial: number): OptionRule => range(initial, 0, INT_MAX);

/** `range`, where -1 asks for the value at first. */
export const rangeOrDefault = (initial: number, min: number, max: number): OptionRule => {
  const inner = range(initial, min, max);
  return { initial, store: (value) => (value === -1 ? initial : inner.store(value)) };
};

/** Key of an option in maps. */
export function optionKey(level: number, name: number): number {
  return level * 0x10000 + name;
}
