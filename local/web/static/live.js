// Keeps the table of processes true, once a second, as long as the supervisor answers.
const body = document.getElementById("processes");
const state = document.getElementById("state");
const cell = (text, className) => { const td = document.createElement("td"); td.textContent = text ?? ""; if (className) td.className = className; return td; };
async function refresh() {
  try {
    const status = await (await fetch("/status.json", { cache: "no-store" })).json();
    body.replaceChildren(...status.processes.map((row) => {
      const tr = document.createElement("tr");
      tr.append(cell(row.name), cell(row.state, row.state.split(" ")[0]), cell(row.pid), cell(row.up), cell(row.memory), cell(row.restarts || ""), cell(row.note, "soft"));
      return tr;
    }));
    state.textContent = status.ready ? "running" : "starting";
    state.className = status.ready ? "running" : "starting";
  } catch {
    state.textContent = "not running: `make run` starts it";
    state.className = "backing";
  }
}
setInterval(refresh, 1000);
refresh();
