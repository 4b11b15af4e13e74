"""Command line: `python -m experiments run|census|list|show`."""

import os
import pathlib
import time
from typing import Annotated

import jax
import typer
from rich.console import Console
from rich.table import Table as RichTable

from recover.sweeps import use_cache
from recover.sweeps.compile import OPTIONS

from .config import ConfigError, Paper, PaperConfig, Profile, load

# Every device holds a block of lanes; the threads of further cores are shared by those that there are.
_MOST_DEVICES = 8

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Compute the tables that the figures of a paper are drawn from."
)
console = Console()
errors = Console(stderr=True)

ConfigPath = Annotated[pathlib.Path, typer.Argument(help="A paper configuration, paper_configs/<paper>.toml.")]
ConfigPaths = Annotated[list[pathlib.Path], typer.Argument(help="Paper configurations, paper_configs/<paper>.toml.")]
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
    config: ConfigPaths,
    figure: FigureName = None,
    profile: ProfileName = "quick",
    results: ResultsPath = pathlib.Path("results"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print cells, programs, memory, time; run nothing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Recompute tables that are up to date.")] = False,
    draw: Annotated[
        pathlib.Path | None, typer.Option(help="Draw each figure into this folder as soon as its tables are there.")
    ] = None,
):
    """Fill results/ for some papers. What is on disk and current is kept; an interrupted run goes on where it was."""
    # The numerical stack is imported only once the configurations have been found sound.
    if figure is not None and len(config) != 1:
        errors.print("[red]error:[/red] `--figure` needs exactly one configuration.", highlight=False)
        raise typer.Exit(2)
    loaded, results = [_load(path, profile, figure) for path in config], results.expanduser()
    from .run import dry_run as plan_only
    from .run import run_papers

    if dry_run:
        if sum(len(plan_only(each, results, console)) for each in loaded):
            raise typer.Exit(1)
        return
    started = time.time()
    try:
        results.mkdir(parents=True, exist_ok=True)
        if draw is None:
            failed = run_papers(loaded, results, console, force)
            complaints = []
        else:
            from figures.reproduce import Drawer

            with Drawer(results, draw, profile, console) as drawer:
                failed = run_papers(loaded, results, console, force, lambda paper, name: drawer.draw(paper.slug, name))
            complaints = drawer.complaints
    except OSError as error:
        reason = f"cannot be written to ({error.strerror}); give another folder with --results"
        errors.print(f"[red]error:[/red] {results} {reason}.", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        errors.print("interrupted: what was whole is kept, and the same command goes on from there", highlight=False)
        raise typer.Exit(130) from None
    for each in loaded:
        lost = sum(paper is each for paper, _ in failed)
        console.print(
            f"{each.slug}: {len(each.figures) - lost} of {len(each.figures)} figures computed", highlight=False
        )
    console.print(f"{time.time() - started:.0f} s in all", highlight=False)
    for complaint in complaints:
        errors.print(f"[red]error:[/red] {complaint}", highlight=False, soft_wrap=True)
    if failed or complaints:
        raise typer.Exit(1)


@app.command()
def census(
    papers: Annotated[list[str] | None, typer.Argument(help="Papers; all by default.")] = None,
    profile: ProfileName = "quick",
    results: ResultsPath = pathlib.Path("results"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the programs that would be needed; compute nothing.")
    ] = False,
    budget: Annotated[int | None, typer.Option(help="With --dry-run: fail above so many programs.")] = None,
    folder: Annotated[pathlib.Path, typer.Option(help="Folder of configurations.")] = pathlib.Path("paper_configs"),
):
    """List the compiled programs of papers, or the seconds that they took when results were computed."""
    paths = [folder / f"{paper}.toml" for paper in papers] if papers else sorted(folder.glob("*.toml"))
    loaded = [_load(path, profile) for path in paths]
    from .census import show_measured, show_planned

    if not dry_run:
        show_measured(loaded, results.expanduser(), console)
        return
    needed = show_planned(loaded, console)
    if budget is not None and needed > budget:
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


def _compile_quickly() -> None:
    """What figures compute besides sweeps is compiled like short sweeps, in this process and in those it starts.

    Loops are not unrolled: programs of sweeps compile in 0.72 of the time, and run no slower (docs/scaling.md).
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        flags += " --xla_backend_extra_options=xla_cpu_disable_loop_unrolling"
    if OPTIONS["quick"] and "xla_cpu_use_fusion_emitters" not in flags:
        flags += " --xla_cpu_use_fusion_emitters=false"
    os.environ["XLA_FLAGS"] = flags.strip()


if __name__ == "__main__":
    _compile_quickly()
    _give_every_core_a_device()
    use_cache()
    app()
