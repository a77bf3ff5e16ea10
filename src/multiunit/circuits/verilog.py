"""A fixed-point network as Verilog, and the proof that both do the same."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from multiunit.circuits.fixed_point import FixedPointSNN
from multiunit.core.errors import InputError, MultiunitError


def verilog_source(network: FixedPointSNN) -> str:
    """The module `snn` in Verilog-2005: one step a clock, state and weights in registers, weights loaded at power-up.

    Ports: `clk`; `rst`, which clears the state and keeps the weights; `given`, who spikes because it is told to, one
    bit a neuron, neuron 0 the lowest; `spikes`, who spikes.

    Args:
        network: its numbers become constants of the module.

    Returns:
        The text. It is written for clearness: all synapses of a step are one combinational sum.

    Source: reconstructed; the equations are those of `FixedPointSNN`.

    >>> network = FixedPointSNN(np.array([[0, 40], [0, 0]]), threshold=100)
    >>> [line for line in verilog_source(network).splitlines() if "w[1]" in line]
    ['    w[1] = 40;']
    """
    n = network.n_neurons
    rule = network.stdp
    load = [f"w[{k}] = {int(w)};" for k, w in enumerate(network.weights.ravel())]
    for name, values in (("theta", network.threshold), ("leak", network.leak_shift), ("pause", network.refractory)):
        load += [f"{name}[{k}] = {int(value)};" for k, value in enumerate(values)]
    if rule is not None and rule.plastic is not None:
        load += [f"plastic[{k}] = {int(value)};" for k, value in enumerate(rule.plastic.ravel())]
    text = _MODULE
    for name, value in {
        "N_NEURONS": n,
        "WEIGHT_BITS": network.weight_bits,
        "V_BITS": network.v_bits,
        "TRACE_BITS": rule.trace_bits if rule else 1,
        "SYNAPSE_SHIFT": network.synapse_shift,
        "SPIKED": "now - theta[j]" if network.v_reset is None else str(network.v_reset),
        "LOAD": "\n    ".join(load),
        "PLASTICITY": _PLASTICITY if rule else "",
    }.items():
        text = text.replace(f"<{name}>", str(value))
    if rule:
        for name in ("potentiation", "depression", "shift", "trace_step", "trace_shift"):
            text = text.replace(f"<{name.upper()}>", str(getattr(rule, name)))
    return text


def verify_verilog(network: FixedPointSNN, spikes: np.ndarray, *, source: str | None = None) -> bool:
    """Simulate Verilog by Icarus Verilog, and compare it with the emulator.

    Args:
        network: the emulator.
        spikes: given to both, 0 or 1, `(time, neuron)`.
        source: the text to test; that of `verilog_source` if None.

    Returns:
        Whether all spikes, all potentials after every step and all weights after the last are equal.

    Raises:
        MultiunitError: where the programs iverilog and vvp are not installed.
        InputError: if the source does not compile, or the spikes do not fit.
    """
    run = network.run(spikes)
    if shutil.which("iverilog") is None or shutil.which("vvp") is None:
        raise MultiunitError("this needs iverilog and vvp: install Icarus Verilog, such as by apt-get install iverilog")
    text = verilog_source(network) if source is None else source
    n_steps, n = run.spikes.shape
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bits = ["".join(map(str, row[::-1])) for row in np.asarray(spikes, np.uint8).tolist()]
        (folder / "given.txt").write_text("\n".join(bits) + "\n")
        bench = _BENCH.replace("<N_STEPS>", str(n_steps)).replace("<N_NEURONS>", str(n))
        (folder / "all.v").write_text(text + bench)
        build = ["iverilog", "-g2005", "-o", "all.vvp", "all.v"]
        built = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
        if built.returncode:
            raise InputError("source", text[:40], f"does not compile: {built.stderr.strip().partition(chr(10))[0]}")
        ran = subprocess.run(["vvp", "all.vvp"], cwd=folder, capture_output=True, text=True, check=False)
    lines = [line.split() for line in ran.stdout.splitlines()]
    found = {key: [line[1:] for line in lines if line[:1] == [key]] for key in ("spikes", "v", "w")}
    wanted = {"spikes": run.spikes[:, ::-1], "v": run.potential, "w": run.weights}
    for key, rows in wanted.items():
        told = [list(row[0]) if key == "spikes" else row for row in found[key]]
        if told != [[str(value) for value in row] for row in rows.tolist()]:
            return False
    return True


_MODULE = """\
module snn (
  input wire clk,
  input wire rst,
  input wire [<N_NEURONS>-1:0] given,
  output reg [<N_NEURONS>-1:0] spikes
);
  localparam N = <N_NEURONS>;
  localparam integer W_MAX = (1 << (<WEIGHT_BITS> - 1)) - 1;
  localparam integer V_MAX = (1 << (<V_BITS> - 1)) - 1;
  localparam integer X_MAX = (1 << <TRACE_BITS>) - 1;
  reg signed [<WEIGHT_BITS>-1:0] w [0:N*N-1];
  reg signed [<V_BITS>-1:0] v [0:N-1];
  reg signed [<V_BITS>-1:0] current [0:N-1];
  reg signed [<V_BITS>-1:0] theta [0:N-1];
  reg [4:0] leak [0:N-1];
  reg [7:0] pause [0:N-1];
  reg [7:0] waits [0:N-1];
  reg [<TRACE_BITS>-1:0] trace [0:N-1];
  reg plastic [0:N*N-1];
  reg [N-1:0] fired;
  integer i, j, total, now;

  initial begin
    <LOAD>
  end

  always @(posedge clk) begin
    if (rst) begin
      spikes = 0;
      for (j = 0; j < N; j = j + 1) begin
        v[j] = 0;
        current[j] = 0;
        waits[j] = 0;
        trace[j] = 0;
      end
    end else begin
      for (j = 0; j < N; j = j + 1) begin
        total = current[j] - (current[j] >>> <SYNAPSE_SHIFT>);
        for (i = 0; i < N; i = i + 1)
          if (spikes[i]) total = total + w[i*N+j];
        if (total > V_MAX) total = V_MAX;
        if (total < -V_MAX - 1) total = -V_MAX - 1;
        current[j] = total;
        now = v[j] - (v[j] >>> leak[j]) + total;
        if (now > V_MAX) now = V_MAX;
        if (now < -V_MAX - 1) now = -V_MAX - 1;
        fired[j] = (now >= theta[j]) && (waits[j] == 0);
        if (fired[j]) begin
          now = <SPIKED>;
          waits[j] = pause[j];
        end else if (waits[j] != 0) waits[j] = waits[j] - 1;
        v[j] = now;
      end
      spikes = fired | given;
<PLASTICITY>    end
  end
endmodule
"""

_PLASTICITY = """\
      for (i = 0; i < N; i = i + 1) trace[i] = trace[i] - (trace[i] >> <TRACE_SHIFT>);
      for (i = 0; i < N; i = i + 1)
        for (j = 0; j < N; j = j + 1)
          if (plastic[i*N+j]) begin
            total = w[i*N+j];
            if (spikes[j]) begin
              now = trace[i];
              total = total + ((now * <POTENTIATION>) >>> <SHIFT>);
            end
            if (spikes[i]) begin
              now = trace[j];
              total = total - ((now * <DEPRESSION>) >>> <SHIFT>);
            end
            if (total > W_MAX) total = W_MAX;
            if (total < -W_MAX - 1) total = -W_MAX - 1;
            w[i*N+j] = total;
          end
      for (i = 0; i < N; i = i + 1)
        if (spikes[i]) begin
          total = trace[i];
          total = total + <TRACE_STEP>;
          if (total > X_MAX) total = X_MAX;
          trace[i] = total;
        end
"""

_BENCH = """
module bench;
  reg clk = 0, rst = 1;
  reg [<N_NEURONS>-1:0] given = 0;
  wire [<N_NEURONS>-1:0] spikes;
  reg [<N_NEURONS>-1:0] all [0:<N_STEPS>-1];
  integer t, k, m;
  snn chip(.clk(clk), .rst(rst), .given(given), .spikes(spikes));
  initial begin
    $readmemb("given.txt", all);
    #1 clk = 1; #1 clk = 0; rst = 0;
    for (t = 0; t < <N_STEPS>; t = t + 1) begin
      given = all[t];
      #1 clk = 1; #1 clk = 0;
      $display("spikes %b", spikes);
      $write("v");
      for (k = 0; k < <N_NEURONS>; k = k + 1) $write(" %0d", chip.v[k]);
      $write("\\n");
    end
    for (k = 0; k < <N_NEURONS>; k = k + 1) begin
      $write("w");
      for (m = 0; m < <N_NEURONS>; m = m + 1) $write(" %0d", chip.w[k*<N_NEURONS>+m]);
      $write("\\n");
    end
    $finish;
  end
endmodule
"""
