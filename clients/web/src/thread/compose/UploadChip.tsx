import type { JSX } from "preact";
import { Icon } from "../../design/icons";
import { plain } from "../../words/errors";
import { sizeOf } from "../../words/sizes";
import type { Upload } from "./uploads";

/** A file on its way up: how far, a plain refusal, and a way to take it back. */
export function UploadChip({ upload }: { upload: Upload }): JSX.Element {
  const { name, size, progress, attachment, error } = upload;
  const failed = error.value;
  const done = attachment.value !== null;
  const percent = Math.round(progress.value * 100);
  return (
    <li class={`upload${failed === null ? "" : " refused"}`}>
      <Icon name={failed === null ? "file" : "alert"} />
      <span class="grow">
        <span class="name clip">{name}</span>
        {failed !== null ? (
          <small role="alert">{plain(failed)}</small>
        ) : done ? (
          <small>{sizeOf(size)}, ready to send</small>
        ) : (
          <small>
            <progress max={100} value={percent} aria-label={`Sending ${name}`} /> {percent < 100 ? `${percent} %` : "being checked"}
          </small>
        )}
      </span>
      {failed?.temporary === true && (
        <button type="button" class="small" onClick={upload.again}>
          Try again
        </button>
      )}
      <button type="button" class="plain icon" aria-label={done || failed !== null ? `Remove ${name}` : `Cancel ${name}`} onClick={upload.cancel}>
        <Icon name="close" />
      </button>
    </li>
  );
}
