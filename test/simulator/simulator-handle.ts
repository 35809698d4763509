import type { Server } from 'node:http';
import type { ApiServerParts, RequestListener } from './api-server.js';
import type { EmitOptions } from './application.js';
import { type EmitCodesOptions, emitCodes } from './code-control.js';
import type { Coupon, Referral } from './codes.js';
import type { Fault, FaultRule } from './fault-rules.js';
import { addGivenEvent, type CustomEvent } from './given-event.js';
import type { Hold } from './holds.js';
import {
  type IssuedDigest,
  type IssuedEvent,
  issuedCount,
  issuedCountUpTo,
  issuedDigest,
  issuedEvents,
} from './issued-events.js';
import type { LoyaltyBalance } from './loyalty-balance.js';
import {
  addLoyaltyTransaction,
  balanceOf,
  type CustomLoyaltyTransaction,
  changeLoyaltyTransaction,
  type EmitLoyaltyOptions,
  emitLoyalty,
  type IssuedLoyaltyTransaction,
  issuedLoyalty,
  type LoyaltyTransactionChange,
  type SetTier,
  setJoinDate,
  setTier,
} from './loyalty-control.js';
import type { LoyaltyProgramOptions } from './loyalty-program.js';
import type { ApplicationOptions } from './options.js';
import { profileText } from './profile-text.js';
import { addCosts, type RecipeCost, recipeCost } from './recipe-cost.js';
import type { CustomChange } from './reference.js';
import type { ReferenceKind, ReferenceValues } from './reference-kinds.js';
import type { LoggedRequest, RequestCount, RequestPredicate } from './request-log.js';
import type { Id } from './row-ids.js';
import { sessionText } from './session-text.js';
import type { Switches, SwitchSettings } from './switches.js';
import { formatMicros, type Micros, requireRfc3339 } from './timestamp.js';

export interface SimulatorParts {
  url: string;
  seed: number;
  server: Server;
  stopTrickle: () => void;
  api: ApiServerParts;
}

/** A running simulator: what a test changes, and what it asks. */
export class Simulator {
  readonly url: string;
  readonly apiKey: string;
  readonly integrationApiKey: string;
  readonly seed: number;
  private readonly startedAt: Micros;

  constructor(private readonly parts: SimulatorParts) {
    this.url = parts.url;
    this.apiKey = parts.api.apiKey;
    this.integrationApiKey = parts.api.integrationApiKey;
    this.seed = parts.seed;
    this.startedAt = parts.api.world.now();
  }

  // ---- Applications and their records

  get applicationIds(): number[] {
    return [...this.world.applications.keys()];
  }

  /** The server's time, RFC 3339 with microseconds. */
  now(): string {
    return formatMicros(this.world.now());
  }

  addApplication(options: ApplicationOptions = {}): number {
    return this.world.addApplication(options).id;
  }

  removeApplication(applicationId: number): void {
    this.world.applications.delete(applicationId);
  }

  /** Lets `count` generated events happen. Returns their ids. */
  emit(applicationId: number, count: number, options: EmitOptions = {}): string[] {
    return this.world.application(applicationId).emit(count, options);
  }

  /** Many generated events in one microsecond, now unless said otherwise. Returns their ids. */
  addTie(applicationId: number, count: number, created: string = this.now()): string[] {
    return this.emit(applicationId, count, { created, visibleInMs: 0 });
  }

  /** An event as the test wrote it. Returns its id, or `''` when it has none. */
  addEvent(applicationId: number, event: CustomEvent): string {
    const application = this.world.application(applicationId);
    return application.events.ids.idOf(addGivenEvent(application, event)) ?? '';
  }

  addEvents(applicationId: number, events: Iterable<CustomEvent>): string[] {
    return Array.from(events, (event) => this.addEvent(applicationId, event));
  }

  removeEvent(applicationId: number, id: Id): boolean {
    return this.world.application(applicationId).removeEvent(id);
  }

  /** The text is served as it is, whatever happens to the session. Unknown sessions spring into being. */
  setSessionPayload(applicationId: number, id: Id, text: string): void {
    const { sessions } = this.world.application(applicationId);
    const known = sessions.ids.rowOf(id, sessions.count);
    sessions.setPayload(known >= 0 ? known : sessions.append(this.world.now(), -1, id), text);
  }

  /** Unknown profiles spring into being in the live environment. */
  setProfilePayload(id: Id, text: string): void {
    const { live, sandbox } = this.world;
    const isSandbox = sandbox.ids.rowOf(id, sandbox.count) >= 0;
    const profiles = isSandbox ? sandbox : live;
    profiles.payloads.set(profiles.rowFor(id, this.world.now()), text);
  }

  /** Erased: absent from lists and searches from now on, whatever events still name it. */
  removeSession(applicationId: number, id: Id): void {
    const { sessions } = this.world.application(applicationId);
    const row = sessions.ids.rowOf(id, sessions.count);
    if (row >= 0) sessions.remove(row);
  }

  removeProfile(id: Id): void {
    for (const profiles of [this.world.live, this.world.sandbox]) {
      const row = profiles.ids.rowOf(id, profiles.count);
      if (row >= 0) profiles.removed.add(row);
    }
  }

  // ---- Loyalty

  get loyaltyProgramIds(): number[] {
    return this.world.loyalty.all().map((program) => program.id);
  }

  addLoyaltyProgram(options: LoyaltyProgramOptions = {}): number {
    return this.world.loyalty.add(options).id;
  }

  /** Lets `count` generated transactions happen. Returns their ids. */
  emitLoyalty(programId: number, count: number, options: EmitLoyaltyOptions = {}): string[] {
    return emitLoyalty(this.world, this.world.loyalty.program(programId), count, options);
  }

  /** A transaction as the test wrote it. Returns its id. */
  addLoyaltyTransaction(programId: number, transaction: CustomLoyaltyTransaction): string {
    return addLoyaltyTransaction(this.world, this.world.loyalty.program(programId), transaction);
  }

  /** Points are activated, or their expiry is moved: the transaction says something else from now on. */
  changeLoyaltyTransaction(programId: number, id: Id, change: LoyaltyTransactionChange): void {
    changeLoyaltyTransaction(this.world.loyalty.program(programId), id, change);
  }

  setLoyaltyTier(programId: number, owner: string, tier: SetTier): void {
    setTier(this.world.loyalty.program(programId), owner, tier);
  }

  /** RFC 3339. */
  setLoyaltyJoinDate(programId: number, owner: string, joinDate: string): void {
    setJoinDate(this.world.loyalty.program(programId), owner, joinDate);
  }

  /** In points, now or at a moment, past or future (RFC 3339): of the main ledger unless said otherwise. */
  loyaltyBalance(
    programId: number,
    owner: string,
    options: { at?: string; subledgerId?: string } = {},
  ): LoyaltyBalance {
    return balanceOf(this.world, this.world.loyalty.program(programId), owner, options);
  }

  issuedLoyalty(programId: number): Iterable<IssuedLoyaltyTransaction> {
    return issuedLoyalty(this.world, this.world.loyalty.program(programId));
  }

  // ---- What the account has configured

  referenceIds(kind: ReferenceKind): number[] {
    return this.world.reference.rows(kind).map(({ values }) => values.id);
  }

  /** The members that the API would show, among them some that only one version of it has. */
  reference(kind: ReferenceKind, id: number): ReferenceValues {
    return this.world.reference.row(kind, id).values;
  }

  /** Like the others of its kind, with the given members. Returns its id. */
  addReference(kind: ReferenceKind, applicationId: number, values: Record<string, unknown> = {}): number {
    return this.world.reference.add(kind, applicationId, values);
  }

  /** Also writes the audit log, and the member that says when, where the kind has one. */
  changeReference(kind: ReferenceKind, id: number, changes: Record<string, unknown>): void {
    this.world.reference.change(kind, id, changes);
  }

  changeCampaign(campaignId: number, changes: Record<string, unknown>): void {
    this.changeReference('campaign', campaignId, changes);
  }

  removeReference(kind: ReferenceKind, id: number): void {
    this.world.reference.remove(kind, id);
  }

  /** The text is served as it is, until the row is changed. */
  setReferencePayload(kind: ReferenceKind, id: number, text: string): void {
    this.world.reference.row(kind, id).payload = text;
  }

  /** An entry of the audit log. Returns its id. */
  addChange(change: CustomChange = {}): number {
    return this.world.reference.addChange(change);
  }

  // ---- Codes

  /** Lets `count` coupons be made, of the first campaign unless said otherwise. Returns the first and the last id. */
  emitCoupons(
    applicationId: number,
    count: number,
    options: EmitCodesOptions & Partial<Coupon> = {},
  ): [first: number, last: number] {
    return emitCodes(this.world, applicationId, 'coupons', count, options);
  }

  emitReferrals(
    applicationId: number,
    count: number,
    options: EmitCodesOptions & Partial<Referral> = {},
  ): [first: number, last: number] {
    return emitCodes(this.world, applicationId, 'referrals', count, options);
  }

  changeCoupon(applicationId: number, id: number, changes: Partial<Coupon>): void {
    this.world.codesOf(this.world.application(applicationId)).coupons.change(id, changes);
  }

  /** Deleted now. */
  removeCoupon(applicationId: number, id: number): void {
    this.changeCoupon(applicationId, id, { deletedAt: this.world.now() });
  }

  couponCount(applicationId: number): number {
    return this.world.codesOf(this.world.application(applicationId)).coupons.count;
  }

  // ---- What was issued

  issuedEvents(applicationId: number, offset = 0): Iterable<IssuedEvent> {
    return issuedEvents(this.world.application(applicationId), offset);
  }

  /** Of those created up to `created` (RFC 3339), or all. */
  issuedCount(applicationId: number, created?: string): number {
    const application = this.world.application(applicationId);
    return created === undefined
      ? issuedCount(application)
      : issuedCountUpTo(application, requireRfc3339(created, 'created'));
  }

  issuedDigest(applicationId: number): IssuedDigest {
    return issuedDigest(this.world.application(applicationId));
  }

  /** The newest event with this id; undefined when there is none. */
  eventText(applicationId: number, id: Id): string | undefined {
    const application = this.world.application(applicationId);
    const row = application.events.ids.rowOf(id, application.events.count);
    return row < 0 ? undefined : application.textOf(row);
  }

  /** As a request for this session would see it now. */
  sessionText(applicationId: number, id: Id): string | undefined {
    const application = this.world.application(applicationId);
    application.promote();
    const row = application.sessions.visibleRowOf(id);
    return row < 0 ? undefined : sessionText(application, row, false);
  }

  profileText(id: Id): string | undefined {
    this.world.promoteAll();
    for (const profiles of [this.world.live, this.world.sandbox]) {
      const row = profiles.visibleRowOf(id);
      if (row >= 0) return profileText(profiles, row, this.world.style);
    }
    return undefined;
  }

  /** What the published recipe would have spent so far, see recipe-cost.ts. Default cycle: a minute. */
  recipeCost(applicationId?: number, cycleSeconds = 60): RecipeCost {
    const ids = applicationId === undefined ? this.applicationIds : [applicationId];
    this.world.promoteAll();
    return addCosts(ids.map((id) => recipeCost(this.world.application(id), cycleSeconds, this.startedAt)));
  }

  // ---- Switches, faults and phases

  set(switches: SwitchSettings, applicationId?: number): void {
    this.world.switchBoard.set(switches, applicationId);
  }

  switches(applicationId?: number): Switches {
    return this.world.switchBoard.get(applicationId);
  }

  addFault(rule: FaultRule): Fault {
    return this.parts.api.faults.add(rule);
  }

  clearFaults(): void {
    this.parts.api.faults.clear();
  }

  /** Called when a request has been let in, before its answer is computed: here a test lets pages shift. */
  onRequest(listener: RequestListener): () => void {
    this.parts.api.listeners.add(listener);
    return () => this.parts.api.listeners.delete(listener);
  }

  /** Keeps back the answer of the next such request. */
  holdNext(predicate: RequestPredicate = () => true): Hold {
    return this.parts.api.holds.next(predicate);
  }

  // ---- What was asked

  /** The newest requests, oldest first. */
  get requests(): readonly LoggedRequest[] {
    return this.parts.api.log.requests;
  }

  /** By method and template, for ever: `GET /v1/applications/{applicationId}/events/no_total`. */
  requestCounts(): Record<string, RequestCount> {
    return this.parts.api.log.requestCounts();
  }

  /** The largest number of requests in any sliding second, refused ones included. */
  maxInAnySecond(): { key: number; templates: Record<string, number> } {
    return this.parts.api.log.peaks();
  }

  /** How many requests the rate limit has refused. */
  get tooManyRequests(): number {
    return this.parts.api.rateLimit.refused;
  }

  waitForRequest(
    predicate: RequestPredicate,
    { timeoutMs = 10_000, includePast = false }: { timeoutMs?: number; includePast?: boolean } = {},
  ): Promise<LoggedRequest> {
    return this.parts.api.log.waitFor(predicate, timeoutMs, includePast);
  }

  /** Forgets requests, counts, peaks and the windows of the rate limit. */
  resetStatistics(): void {
    this.parts.api.log.reset();
    this.parts.api.rateLimit.reset();
  }

  // ---- The end

  /** Cuts all connections. Rejects when the simulator itself has failed on a request. */
  async stop(): Promise<void> {
    const { server, stopTrickle, api } = this.parts;
    stopTrickle();
    api.holds.releaseAll();
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    server.closeAllConnections();
    await closed;
    const failures = api.failures.splice(0);
    if (failures.length > 0)
      throw new AggregateError(failures, `The simulator failed: ${failures.map(String).join('; ')}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private get world(): ApiServerParts['world'] {
    return this.parts.api.world;
  }
}
