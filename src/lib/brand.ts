/**
 * Branded types: a string or number that only its maker may call by that name.
 * Must never be built by a cast outside the one function that checks the value.
 */
declare const brand: unique symbol;
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
