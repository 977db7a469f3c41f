import { createRoot } from "react-dom/client";
import { takeTokenFromAddress } from "../../devtools/server/static/session.js";
import { ExplorerPage } from "./graphiql/ExplorerPage";
import "./styles.css";

takeTokenFromAddress();
const root = document.getElementById("root");
if (root) createRoot(root).render(<ExplorerPage />);
