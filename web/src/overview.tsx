import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { takeTokenFromAddress } from "../../devtools/server/static/session.js";
import { OverviewPage } from "./overview/OverviewPage";
import "./styles.css";

takeTokenFromAddress();
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <OverviewPage />
    </StrictMode>,
  );
}
