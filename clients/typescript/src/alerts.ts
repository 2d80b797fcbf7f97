// Emergency alerts: what has truly happened, and who takes them.
import type { Api } from "./api.js";
import { Emitter } from "./emitter.js";
import type { Alert } from "./types.js";

export interface AlertsEvents {
  /** An alert is new here, or has another state. */
  changed: Alert;
}

const OVER = ["resolved"];
const ORDER = ["raised", "delivered", "exhausted", "acknowledged", "resolved"];

export class Alerts extends Emitter<AlertsEvents> {
  readonly #alerts = new Map<string, Alert>();

  /** @internal */
  constructor(private readonly api: Api) {
    super();
  }

  /** Those that are not over, the oldest first. */
  get open(): readonly Alert[] {
    const open = [...this.#alerts.values()].filter((alert) => !OVER.includes(alert.state));
    return open.sort((one, other) => (one.raised_at < other.raised_at ? -1 : 1));
  }

  get(alertId: string): Alert | undefined {
    return this.#alerts.get(alertId);
  }

  /** Take it: one person does, and both are told. */
  async acknowledge(alertId: string): Promise<Alert> {
    return this.#answered(this.api.post("/api/emergencies/{id}/acknowledge/", { path: { id: alertId } }));
  }

  /** It is over. */
  async resolve(alertId: string): Promise<Alert> {
    return this.#answered(this.api.post("/api/emergencies/{id}/resolve/", { path: { id: alertId } }));
  }

  /** @internal What happened while nobody listened. */
  async load(): Promise<void> {
    const before = this.open;
    const rows = await this.api.rows<Alert>(this.api.get("/api/emergencies/", {}));
    const listed = new Set(rows.map((alert) => this.hear(alert).id));
    // The list has the open ones: another that was open before it was asked for is over.
    for (const { id } of before) {
      const alert = this.#alerts.get(id);
      if (alert !== undefined && !listed.has(id)) this.hear({ ...alert, state: "resolved" });
    }
  }

  /** @internal The newer of what is held and what came; a state never goes back. */
  hear(alert: Alert): Alert {
    const held = this.#alerts.get(alert.id);
    if (held !== undefined && ORDER.indexOf(held.state) >= ORDER.indexOf(alert.state)) return held;
    this.#alerts.set(alert.id, alert);
    this.emit("changed", alert);
    return alert;
  }

  /** @internal */
  clear(): void {
    this.#alerts.clear();
  }

  async #answered(asked: Promise<Alert>): Promise<Alert> {
    const { turn } = this.api;
    const alert = await asked;
    return turn === this.api.turn ? this.hear(alert) : alert;
  }
}
