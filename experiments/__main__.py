"""Command line: `python -m experiments run|list|show`."""

import os
import pathlib
import time
from typing import Annotated

import jax
import typer
from rich.console import Console
from rich.table import Table as RichTable

from .config import ConfigError, Paper, PaperConfig, Profile, load

# Every device holds a block of lanes; the threads of further cores are shared by those that there are.
_MOST_DEVICES = 8

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Compute the tables that the figures of a paper are drawn from."
)
console = Console()
errors = Console(stderr=True)

ConfigPath = Annotated[pathlib.Path, typer.Argument(help="A paper configuration, paper_configs/<paper>.toml.")]
FigureName = Annotated[str | None, typer.Option("--figure", help="Only this figure.")]
ProfileName = Annotated[
    Profile, typer.Option(help="Sizes: quick (minutes on a laptop), paper (as published), tiny (a test).")
]
ResultsPath = Annotated[pathlib.Path, typer.Option(help="Folder the tables are written to.")]


def _load(path: pathlib.Path, profile: Profile, figure: str | None = None) -> PaperConfig:
    try:
        return load(path, profile, figure)
    except ConfigError as error:
        errors.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None


@app.command()
def run(
    config: ConfigPath,
    figure: FigureName = None,
    profile: ProfileName = "quick",
    results: ResultsPath = pathlib.Path("results"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print cells, programs, memory, time; run nothing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Recompute tables that are up to date.")] = False,
):
    """Fill results/ for one paper. What is on disk and current is kept; an interrupted run goes on where it was."""
    # The numerical stack is imported only once the configuration has been found sound.
    from .run import dry_run as plan_only
    from .run import run_paper

    loaded, results = _load(config, profile, figure), results.expanduser()
    if dry_run:
        if plan_only(loaded, results, console):
            raise typer.Exit(1)
        return
    started = time.time()
    try:
        results.mkdir(parents=True, exist_ok=True)
        failed = run_paper(loaded, results, console, force=force)
    except OSError as error:
        reason = f"cannot be written to ({error.strerror}); give another folder with --results"
        errors.print(f"[red]error:[/red] {results} {reason}.", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        errors.print("interrupted: what was whole is kept, and the same command goes on from there", highlight=False)
        raise typer.Exit(130) from None
    console.print(
        f"{loaded.slug}: {len(loaded.figures) - len(failed)} of {len(loaded.figures)} figures computed "
        f"in {time.time() - started:.0f} s",
        highlight=False,
    )
    if failed:
        raise typer.Exit(1)


@app.command("list")
def list_papers(
    folder: Annotated[pathlib.Path, typer.Argument(help="Folder of configurations.")] = pathlib.Path("paper_configs"),
):
    """List papers and their figures."""
    if not list(folder.glob("*.toml")):
        errors.print(f"[red]error:[/red] {folder} holds no configurations (*.toml).", highlight=False, soft_wrap=True)
        raise typer.Exit(2)
    table = RichTable("paper", "figure", "title", box=None)
    for path in sorted(folder.glob("*.toml")):
        loaded = _load(path, "quick")
        for position, figure in enumerate(loaded.figures):
            table.add_row(loaded.slug if position == 0 else "", figure.name, figure.title)
    console.print(table)


@app.command()
def show(config: ConfigPath, figure: FigureName = None, profile: ProfileName = "quick"):
    """Show the validated numbers of a paper's figures."""
    loaded = _load(config, profile, figure)
    paper: Paper = loaded.paper
    console.print(f"[bold]{paper.title}[/bold]\n{paper.authors}\n{paper.reference}", highlight=False)
    for each in loaded.figures:
        console.print(f"\n[bold]{each.name}[/bold]  {each.title}", highlight=False)
        for key, value in each.configuration.items():
            console.print(f"  {key} = {value}", highlight=False)


def _give_every_core_a_device() -> None:
    """A sweep divides its lanes among devices, and one program of small products leaves most cores of a CPU idle."""
    if "JAX_NUM_CPU_DEVICES" not in os.environ and "host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        jax.config.update("jax_num_cpu_devices", min(os.cpu_count() or 1, _MOST_DEVICES))


if __name__ == "__main__":
    _give_every_core_a_device()
    app()
