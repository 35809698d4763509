import { money } from './amounts.js';
import { COUPON_FILTERS, couponMatches, REFERRAL_FILTERS, referralMatches } from './code-filters.js';
import type { Coupon, Referral } from './codes.js';
import { csvRow, csvTime, type DateFormat } from './csv.js';
import { type CsvExport, DATE_FORMATS, dateFormatOf } from './csv-endpoint.js';
import { applicationOf } from './endpoint.js';
import { ACCOUNT_ID } from './profile-text.js';
import { CAMPAIGN_STATES } from './reference-endpoints.js';
import type { Switches } from './switches.js';
import type { Micros } from './timestamp.js';

const COUPON_COLUMNS =
  'id,created,campaignid,value,expirydate,startdate,attributes,applicationid,deleted,deleted_changelogid,accountid,referralid,recipientintegrationid,importid,batchid,reservation,limits,limitval,counter,discount_counter,discount_limitval';
/** Documented in prose, absent from the example. */
const RESERVATION_COLUMNS = 'is_reservation_mandatory,reservation_counter,reservation_limitval';
const REFERRAL_COLUMNS =
  'id,created,campaignid,advocateprofileintegrationid,friendprofileintegrationid,startdate,expirydate,code,importid,attributes,batchid,counter,limitval';

const couponsExport: CsvExport = {
  template: '/v1/applications/{applicationId}/export_coupons',
  fileName: 'coupons.csv',
  filters: {
    ...COUPON_FILTERS,
    sort: 'text',
    campaignId: 'integer',
    dateFormat: DATE_FORMATS,
    campaignState: CAMPAIGN_STATES,
    valuesOnly: 'boolean',
    deletedBefore: 'date-time',
    deletedAfter: 'date-time',
  },
  body: (request, query, switches) => {
    const application = applicationOf(request);
    const coupons = request.world.codesOf(application).coupons.all();
    const matches = couponMatches(request.world, query, switches);
    const format = dateFormatOf(query, switches);
    const isValuesOnly = query.get('valuesOnly') === 'true';
    const hasReservation = switches.couponReservationColumns === 'present';
    const columns = hasReservation ? `${COUPON_COLUMNS},${RESERVATION_COLUMNS}` : COUPON_COLUMNS;
    const text = (coupon: Coupon): string =>
      isValuesOnly ? csvRow([coupon.value]) : couponRow(coupon, application.id, format, switches);
    return { header: isValuesOnly ? 'value' : columns, rows: rowsOf(coupons, matches, text) };
  },
};

const referralsExport: CsvExport = {
  template: '/v1/applications/{applicationId}/export_referrals',
  fileName: 'referrals.csv',
  filters: { ...REFERRAL_FILTERS, campaignId: 'integer', batchId: 'text', dateFormat: DATE_FORMATS },
  body: (request, query, switches) => ({
    header: REFERRAL_COLUMNS,
    rows: rowsOf(
      request.world.codesOf(applicationOf(request)).referrals.all(),
      referralMatches(request.world, query, switches),
      (referral) => referralRow(referral, dateFormatOf(query, switches), switches),
    ),
  }),
};

function* rowsOf<Code>(
  codes: Iterable<Code>,
  matches: (code: Code) => boolean,
  text: (code: Code) => string,
): Generator<string> {
  for (const code of codes) if (matches(code)) yield text(code);
}

function couponRow(coupon: Coupon, applicationId: number, format: DateFormat, switches: Switches): string {
  const fields = [
    String(coupon.id),
    csvTime(coupon.created, format),
    String(coupon.campaignId),
    coupon.value,
    optionalTime(coupon.expiresAt, format, switches),
    optionalTime(coupon.startsAt, format, switches),
    attributesText(coupon.attributes),
    String(applicationId),
    deletedText(coupon, format, switches),
    coupon.deletedAt === 0 ? '0' : '50001',
    String(ACCOUNT_ID),
    number(coupon.referralId),
    coupon.recipientIntegrationId,
    number(coupon.importId),
    coupon.batchId,
    coupon.reservation ? 'true' : '',
    '[]',
    String(coupon.usageLimit),
    String(coupon.usageCounter),
    money(coupon.discountCounter),
    money(coupon.discountLimit),
  ];
  const reservation = [
    String(coupon.isReservationMandatory),
    String(coupon.reservationCounter),
    String(coupon.reservationLimit),
  ];
  return csvRow(switches.couponReservationColumns === 'present' ? [...fields, ...reservation] : fields);
}

function referralRow(referral: Referral, format: DateFormat, switches: Switches): string {
  return csvRow([
    String(referral.id),
    csvTime(referral.created, format),
    String(referral.campaignId),
    referral.advocate,
    referral.friend,
    optionalTime(referral.startsAt, format, switches),
    optionalTime(referral.expiresAt, format, switches),
    referral.code,
    number(referral.importId),
    attributesText(referral.attributes),
    referral.batchId,
    String(referral.usageCounter),
    String(referral.usageLimit),
  ]);
}

export function optionalTime(at: Micros, format: DateFormat, switches: Switches): string {
  return at === 0 && switches.exportUnsetDates === 'empty' ? '' : csvTime(at, format);
}

function deletedText({ deletedAt }: Coupon, format: DateFormat, { couponDeleted }: Switches): string {
  if (deletedAt === 0) return '';
  return couponDeleted === 'true' ? 'true' : csvTime(deletedAt, format);
}

function number(value: number): string {
  return value === 0 ? '' : String(value);
}

/** Some are written over several lines: a line of the file is not a row. */
function attributesText(attributes: Record<string, unknown>): string {
  return Array.isArray(attributes.list) ? JSON.stringify(attributes, null, 2) : JSON.stringify(attributes);
}

export const codeExports: readonly CsvExport[] = [couponsExport, referralsExport];
