import type { CrisisResource } from "@therapyconnect/client";
import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { crisis } from "../state/crisis";

const telOf = (phone: string): string => `tel:${phone.replace(/\s/g, "")}`;

/** A number that a phone calls when it is touched. */
export function Call({ phone }: { phone: string }): JSX.Element {
  return <a href={telOf(phone)}>{phone}</a>;
}

/** Whom one can turn to right now: as the server has it for one's region, also when there is no line. */
export function Crisis(): JSX.Element {
  const { value: resources } = crisis;
  return (
    <section class="crisis" aria-label="Whom you can call right now">
      <h3>In danger? Call now.</h3>
      {!resources.some(({ phone }) => phone) && <p>Call the emergency number of the country you are in, or go to the nearest emergency room.</p>}
      <ul>
        {resources.map((one) => (
          <Resource key={one.name + one.phone} resource={one} />
        ))}
      </ul>
    </section>
  );
}

function Resource({ resource: { name, phone, text, url, hours } }: { resource: CrisisResource }): JSX.Element {
  return (
    <li>
      <span class="grow">
        <strong>{name}</strong>
        <small>
          {[hours === "24/7" ? "day and night" : hours, text].filter(Boolean).join(" · ")}
          {url !== null && (
            <>
              {" "}
              <a href={url} target="_blank" rel="noreferrer noopener">
                {new URL(url).host.replace(/^www\./, "")}
              </a>
            </>
          )}
        </small>
      </span>
      {phone !== null && (
        <a class="button call" href={telOf(phone)} aria-label={`Call ${name}: ${phone}`}>
          <Icon name="phone" size={18} /> {phone}
        </a>
      )}
    </li>
  );
}
