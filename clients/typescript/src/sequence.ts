// A chat's events in order: each once, none left out.

/** Frames by their numbers. `known` is the highest up to which everything was handed on. */
export class Sequence<Frame> {
  readonly #ahead = new Map<number, Frame[]>();

  constructor(
    public known: number,
    private readonly most = 1_000,
  ) {}

  /** Whether something is waited for that lies before what has come. */
  get holed(): boolean {
    return this.#ahead.size > 0;
  }

  /**
   * What may be handed on now that this frame came: nothing where it was seen, or is ahead.
   * What is too far ahead is dropped: a resume brings it again.
   */
  take(seq: number, frame: Frame): Frame[] {
    if (seq <= this.known) return [];
    if (seq > this.known + 1) {
      if (!this.#ahead.has(seq) && this.#ahead.size < this.most) this.#ahead.set(seq, [frame]);
      return [];
    }
    this.known = seq;
    const ready = [frame];
    for (;;) {
      const next = this.#ahead.get(this.known + 1);
      if (next === undefined) return ready;
      this.known += 1;
      this.#ahead.delete(this.known);
      ready.push(...next);
    }
  }

  /** Go on after `known`, whatever was held. */
  restart(known: number): void {
    this.known = known;
    this.#ahead.clear();
  }
}
