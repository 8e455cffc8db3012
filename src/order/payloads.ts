/** The payload of each order type: its form, its reading, and what the documentation says of it. One line per type. */
import type * as z from 'zod';
import type { JsonObject } from '../lib/json.ts';
import type { Problem } from './errors.ts';
import { type AnyForm, type Elsewhere, type FieldsOf, type Form, readForm } from './form.ts';
import type { OrderType } from './name.ts';
import { crypto, cryptoTrade } from './payload/crypto.ts';
import { multiLegTrade, optionmulti, optionsingle, optionTrade } from './payload/option.ts';
import {
  accountInfoRequest,
  accountinfo,
  allOrdersRequest,
  allorders,
  cancelorder,
  cancelRequest,
  marketDataRequest,
  marketdata,
  openOrdersRequest,
  openorders,
  orderStatusRequest,
  orderstatus,
  positions,
  positionsRequest,
} from './payload/query.ts';
import { stockbuy, stocksell, stockTrade } from './payload/stock.ts';
import type { Envelope, Request } from './request.ts';

export interface Payload {
  /** One sentence for the documentation. */
  readonly purpose: string;
  readonly form: AnyForm;
  /** The request, or null after problems were added. */
  read(raw: JsonObject, envelope: Envelope, problems: Problem[]): Request | null;
}

function payload<Shape extends z.ZodRawShape>(
  purpose: string,
  of: Form<Shape>,
  build: (fields: FieldsOf<Form<Shape>>, envelope: Envelope) => Request,
): Payload {
  return {
    purpose,
    form: of,
    read(raw, envelope, problems) {
      const fields = readForm(of, raw, 'payload', problems, elsewhere);
      return fields === null ? null : build(fields as FieldsOf<Form<Shape>>, envelope);
    },
  };
}

export const PAYLOADS: Readonly<Record<OrderType, Payload>> = {
  stockbuy: payload('Buys shares.', stockbuy, (fields, envelope) => stockTrade('stockbuy', fields, envelope)),
  stocksell: payload('Sells shares.', stocksell, (fields, envelope) => stockTrade('stocksell', fields, envelope)),
  cryptobuy: payload('Buys coins.', crypto, (fields, envelope) => cryptoTrade('cryptobuy', fields, envelope)),
  cryptosell: payload('Sells coins.', crypto, (fields, envelope) => cryptoTrade('cryptosell', fields, envelope)),
  optionsingle: payload('Buys or sells one option contract.', optionsingle, optionTrade),
  optionmulti: payload('Trades 2 to 4 option contracts as one order.', optionmulti, multiLegTrade),
  marketdata: payload('Asks for the latest quotes, bars or trades.', marketdata, marketDataRequest),
  orderstatus: payload('Asks for one order.', orderstatus, orderStatusRequest),
  openorders: payload('Lists open orders.', openorders, openOrdersRequest),
  allorders: payload('Lists orders.', allorders, allOrdersRequest),
  positions: payload('Lists positions.', positions, positionsRequest),
  accountinfo: payload('Asks for the account. The payload may be `{}`.', accountinfo, accountInfoRequest),
  cancelorder: payload('Cancels one order.', cancelorder, cancelRequest),
};

const ENVELOPE_ONLY = ['agent_id', 'order_type', 'mode', 'request_order_id', 'send_by', 'meta', 'payload'];

/** Where a field belongs that this payload does not know. */
const elsewhere: Elsewhere = (field) => {
  if (ENVELOPE_ONLY.includes(field)) return `${field} belongs beside payload, not in it`;
  const types = Object.entries(PAYLOADS).filter(([, { form }]) => Object.hasOwn(form.schema.shape, field));
  return types.length === 0 ? null : `${field} exists only in ${types.map(([type]) => type).join(', ')}`;
};
