// Lessons in what can be heard of a picture's melody. The kernel says what is shown.

function render({ model, el }) {
  const ui = screenPage({ model, el, title: "Learn the sounds" });
  const { ask, body, heading, paragraph, press } = ui;
  const open = index => ask("lesson", { index });
  lessonScreens(ui, () => ask("hello", {}), "To the lessons", () => ask("again", {}));

  ui.screens.menu = ({ lessons, missing }) => {
    ui.title.textContent = "Learn the sounds";
    heading("What does a picture sound like?");
    paragraph("A sound language has to be learnt. Each lesson shows what can be heard, one thing "
      + "after the other, and then lets you try: hear a melody, choose its picture, see the answer. "
      + "It begins with easy questions; a right answer makes the next one harder, a wrong one "
      + "easier. Nothing is stored, and nothing plays by itself.");
    const row = make("div", "lt-row", body);
    lessons.forEach(({ title, steps, questions, minutes }, index) => {
      const node = press(index ? "" : "lt-go", row, `Lesson ${index + 1}: ${title}`,
        () => open(index), `${index + 1}`);
      node.setAttribute("aria-description",
        `${steps} sounds and ${questions} questions, about ${minutes} minutes`);
      make("small", "", node, `${steps} sounds, ${questions} questions, ${minutes} minutes`);
    });
    for (const each of missing) paragraph(each, "lt-small");
    ui.at.enter = () => open(0);
    ui.at.number = pressed => pressed <= lessons.length && open(pressed - 1);
    ui.at.hint = "Keys: Enter begins the first lesson, a number any other";
  };
  ui.tell("hello", {});
  return ui.close;
}
export default { render };
