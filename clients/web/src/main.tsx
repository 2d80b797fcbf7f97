import { render } from "preact";
import "./design/tokens.css";
import "./design/base.css";
import "./design/controls.css";
import "./design/layout.css";
import "./thread/thread.css";
import "./caseload/caseload.css";
import "./alerts/alerts.css";
import "./room/room.css";
import "./patient/patient.css";
import "./urgent/urgent.css";
import "./account/account.css";
import "./state/theme";
import { App } from "./app";
import { begin } from "./state/client";

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
void begin();
