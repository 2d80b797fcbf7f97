// What appointments and prescriptions carry, as docs/guide describes it.
import type { Message } from "@therapyconnect/client";

export interface Appointment {
  readonly start: string;
  readonly end: string;
  readonly time_zone: string;
  readonly location: string | null;
  readonly video_url: string | null;
  readonly status: "proposed" | "accepted" | "declined" | "cancelled" | "rescheduled";
  readonly note: string | null;
  readonly proposed_by: string;
}

export interface Prescription {
  readonly drug: string;
  readonly strength: string | null;
  readonly form: string | null;
  readonly dose: string;
  readonly route: string | null;
  readonly frequency: string;
  readonly quantity: { readonly value: number; readonly unit: string } | null;
  readonly refills: number | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly note: string | null;
  readonly replaces: string | null;
}

/** What stands as text where nobody wrote one: for lists and quotes; a card says it already. */
export const APPOINTMENT_TEXT = "Appointment proposed";
export const PRESCRIPTION_TEXT = "Prescription";

/** Null where there is none to show. */
export const appointmentOf = ({ payload }: Message): Appointment | null =>
  typeof payload?.["start"] === "string" ? (payload as unknown as Appointment) : null;

export const prescriptionOf = ({ payload }: Message): Prescription | null =>
  typeof payload?.["drug"] === "string" ? (payload as unknown as Prescription) : null;
