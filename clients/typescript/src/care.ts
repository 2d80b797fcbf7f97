// The caseload: who is in whose care.
import type { Api } from "./api.js";
import type { CareRelationship } from "./types.js";

export class Care {
  /** @internal */
  constructor(private readonly api: Api) {}

  /** One's own relationships, ended ones too; an administrator's are everybody's. */
  list(): Promise<readonly CareRelationship[]> {
    return this.api.rows(this.api.get("/api/care-relationships/", {}));
  }

  /** An administrator's: from now on the two may have a chat. */
  begin(therapist_id: string, patient_id: string): Promise<CareRelationship> {
    return this.api.post("/api/care-relationships/", { body: { therapist_id, patient_id } });
  }

  /** The chat can be read by both from now on, and nothing more is sent. */
  end(id: string): Promise<CareRelationship> {
    return this.api.post("/api/care-relationships/{id}/end/", { path: { id } });
  }
}
