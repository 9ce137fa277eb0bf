/** Types that have to be the same, not only assignable. Checked by `tsc`, never run. */

/** `true` where two types are the same. */
export type Equal<One, Other> =
  (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;

/** Compiles where the comparison holds: `same<Equal<One, Other>>()`. */
export const same = <_ extends true>(): void => {};

/** `is<Expected>()(value)` compiles where the value's type is the expected one. */
export const is =
  <Expected>() =>
  <Actual>(_: Actual, ..._proof: Equal<Actual, Expected> extends true ? [] : [never]): void => {};
