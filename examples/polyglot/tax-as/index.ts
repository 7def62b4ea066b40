import { fail } from "amino";

/** Tax rates by country. */
@microservice
export class Tax {
  private rates: Map<string, u32> = new Map();

  constructor() {
    this.rates.set("AT", 200).set("DE", 190).set("FR", 200).set("US", 0);
  }

  /** Sets a country's rate in permille. */
  setRate(country: string, permille: u32): void {
    if (permille > 1000) fail(`rate ${permille} of country "${country}" is above 1000`);
    this.rates.set(country, permille);
  }

  /** The rate of a country in permille. */
  @readonly
  rate(country: string): u32 {
    if (!this.rates.has(country)) return fail<u32>(`no tax rate for country "${country}"`);
    return this.rates.get(country);
  }

  /** The tax on net cents, rounded half up. */
  @readonly
  vat(country: string, net: i64): i64 {
    return (net * this.rate(country) + 500) / 1000;
  }

  /** All countries that have a rate, sorted. */
  @readonly
  countries(): Array<string> {
    return this.rates.keys().sort();
  }
}
