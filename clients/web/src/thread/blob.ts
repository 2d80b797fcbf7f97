// Bytes that want the token in a header, as an address for as long as it is shown.
import { useEffect, useState } from "preact/hooks";
import { client } from "../state/client";

export type Bytes = { readonly url: string } | { readonly failed: unknown } | null;

/** Null while on the way. What is no longer shown is let go of. */
export function useBytes(attachmentId: string | null, which: "file" | "thumbnail", wanted = true): Bytes {
  const [bytes, setBytes] = useState<Bytes>(null);
  useEffect(() => {
    if (attachmentId === null || !wanted) return undefined;
    let url: string | undefined;
    let gone = false;
    client.uploads.bytes(attachmentId, which).then(
      (blob) => {
        if (gone) return;
        url = URL.createObjectURL(blob);
        setBytes({ url });
      },
      (failed: unknown) => {
        if (!gone) setBytes({ failed });
      },
    );
    return () => {
      gone = true;
      setBytes(null);
      if (url !== undefined) URL.revokeObjectURL(url);
    };
  }, [attachmentId, which, wanted]);
  return bytes;
}

/** Have the browser save some bytes under a name. */
export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
