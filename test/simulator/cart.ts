import { money } from './amounts.js';
import { hash32 } from './dice.js';
import { CATEGORIES, COLOURS, PRODUCTS } from './vocabulary.js';

// A cart follows from a number that identifies the session and from how often the session was updated, so an event and
// the session it belongs to show the same cart without either being stored.

const SHIPPING_CENTS = 490;

export function cartSize(cart: number, step: number): number {
  return 1 + ((hash32(cart, 1) + Math.min(step, 3)) % 3);
}

function itemQuantity(cart: number, step: number, item: number): number {
  return 1 + (hash32(cart, step >> 1, 100 + item) % 3);
}

function itemCents(cart: number, item: number): number {
  return 199 + (hash32(cart, 2, item) % 19800);
}

export function hasShipping(cart: number): boolean {
  return (cart & 1) === 1;
}

export function shippingText(cart: number): string {
  return hasShipping(cart) ? `{"shipping":{"price":${money(SHIPPING_CENTS)}}}` : '{}';
}

/** Items and additional costs, before discounts. */
export function cartTotalCents(cart: number, step: number): number {
  let total = hasShipping(cart) ? SHIPPING_CENTS : 0;
  for (let item = cartSize(cart, step) - 1; item >= 0; item -= 1) {
    total += itemQuantity(cart, step, item) * itemCents(cart, item);
  }
  return total;
}

export function cartItemsText(cart: number, step: number): string {
  let text = '[';
  const size = cartSize(cart, step);
  for (let item = 0; item < size; item += 1) {
    const h = hash32(cart, 3, item);
    const quantity = itemQuantity(cart, step, item);
    text += `${item === 0 ? '' : ','}{"name":"${PRODUCTS[h % PRODUCTS.length]}","sku":"SKU${1000000 + (h % 99991)}","quantity":${quantity},"returnedQuantity":0,"remainingQuantity":${quantity},"price":${money(itemCents(cart, item))},"category":"${CATEGORIES[h % CATEGORIES.length]}","weight":${100 + (h % 2000)},"position":${item},"attributes":{"color":"${COLOURS[h % COLOURS.length]}"}}`;
  }
  return `${text}]`;
}
